"""`lakeworks table new` and `lakeworks source new`: files that pass `lakeworks table check`, to adapt."""

from pathlib import Path
from typing import Annotated

import typer

from lakeworks.errors import ConfigError

NewTable = Annotated[str, typer.Argument(help="<layer>.<domain>.<table>", show_default=False)]


def new_table(
    table: NewTable,
    from_table: Annotated[
        str | None, typer.Option("--from", help="Table to read; the new table takes its columns, grain and partitions.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="<source>.<data set> to fetch from.")] = None,
    sample: Annotated[
        Path | None, typer.Option(help="With --source: a CSV, JSON Lines or Parquet file with the columns.")
    ] = None,
    from_odcs: Annotated[
        Path | None, typer.Option(help="Open Data Contract Standard document to make the contract from.")
    ] = None,
) -> None:
    """Write the folder of a new table.

    It has a contract, SQL and an example that hold as they are.

    Prints the line for the DAG file. `lakeworks table check` tells when all is right.
    """
    from lakeworks.authoring import new_source as client
    from lakeworks.authoring import new_table as files
    from lakeworks.authoring.sample_file import Sample, read_sample

    if from_odcs and not (from_table and source) and not sample:
        _new_table_from_odcs(table, from_odcs, from_table, source)
        return
    if from_odcs or bool(from_table) == bool(source):
        raise ConfigError(
            "A table is built from another table or from a source. Nothing was written. Give --from or --source, "
            "or --from-odcs with at most one of them."
        )
    folder = files.table_folder(table)
    if from_table:
        written = files.write_files(folder, files.from_upstream(from_table))
    else:
        fields = read_sample(sample) if sample else Sample(client.COLUMNS, client.ROW)
        written = files.write_files(folder, files.from_source(table, str(source), fields))
    _report(written, table, source=bool(source))


def _new_table_from_odcs(table: str, path: Path, upstream: str | None, source: str | None) -> None:
    from lakeworks.authoring.new_table import table_folder, write_files
    from lakeworks.authoring.odcs_table import from_odcs

    folder = table_folder(table)
    files, left_out, has_source = from_odcs(table, path, upstream, source)
    written = write_files(folder, files)
    for part in left_out:
        typer.echo(f"left out (a contract has no such field): {part}")
    _report(written, table, source=has_source)


def new_source(
    source: Annotated[str, typer.Argument(help="<source>.<data set>", show_default=False)],
    table: Annotated[
        str, typer.Option(help="Bronze table for its rows, <layer>.<domain>.<table>.", show_default=False)
    ],
    url: Annotated[str, typer.Option(help="Address of its API.")] = "https://api.example.org",
) -> None:
    """Write the client and the first table of a new source.

    Also writes a recorded answer of the source. The table is the bronze table of its rows.

    The client asks a JSON API once a period. Change `collect` and `parse` to what the source needs.
    """
    from lakeworks.authoring import new_source as client
    from lakeworks.authoring import new_table as files
    from lakeworks.authoring.sample_file import Sample
    from lakeworks.project import current_project

    folder = files.table_folder(table)
    module = client.source_module(source, url)
    written = files.write_files(current_project().sources, module)
    recorded = client.recorded_answer(source.partition(".")[2])
    fields = Sample(client.COLUMNS, client.ROW)
    written += files.write_files(folder, files.from_source(table, source, fields, recorded))
    _report(written, table, source=True)


def _report(written: list[Path], table: str, *, source: bool) -> None:
    """Print what was written and what comes next; a new domain gets its DAG file."""
    from lakeworks.authoring import new_dag
    from lakeworks.authoring.new_table import write_files
    from lakeworks.project import current_project

    here = current_project().root
    files = new_dag.domain_files(here / "dags", table)
    if not files:
        name, text = new_dag.dag_file(table, source=source)
        written = written + write_files(here / "dags", {name: text})
    for path in written:
        typer.echo(f"wrote {path.relative_to(here)}")
    if files:
        names = " or ".join(f"dags/{path.name}" for path in files)
        typer.echo(f"Now add one line to {names}, after what it reads:\n    {new_dag.dag_line(table, source=source)}")
    typer.echo(f"Then: lakeworks table check {table} && lakeworks table test {table}")
