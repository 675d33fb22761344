"""`lakeworks table new` and `lakeworks source new`: files that pass `lakeworks table check` and are changed from there."""

from pathlib import Path
from typing import Annotated

import typer

from lakeworks.errors import ConfigError

NewTable = Annotated[str, typer.Argument(help="<layer>.<domain>.<table>", show_default=False)]


def new_table(
    table: NewTable,
    from_table: Annotated[
        str | None, typer.Option("--from", help="Table that it reads: takes over its columns, grain and partitions.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="<source>.<data set> that it is fetched from.")] = None,
) -> None:
    """Write the folder of a new table: contract, SQL and an example that hold as they are.

    Prints the line for the DAG file. `lakeworks table check` tells when all is right.
    """
    from lakeworks.authoring import new_table as files

    if bool(from_table) == bool(source):
        raise ConfigError("A table is made of another table or of a source. Nothing was written. Give --from or --source.")
    folder = files.table_folder(table)
    if from_table:
        written = files.write_files(folder, files.from_upstream(table, from_table))
    else:
        row = {"id": 1, "name": "text"}
        columns = {"id": "bigint", "name": "string"}
        written = files.write_files(folder, files.from_source(table, str(source), columns, row))
    _report(written, files.dag_line(table, source=bool(source)), table)


def new_source(
    source: Annotated[str, typer.Argument(help="<source>.<data set>", show_default=False)],
    table: Annotated[str, typer.Option(help="Bronze table for its rows, <layer>.<domain>.<table>.", show_default=False)],
    url: Annotated[str, typer.Option(help="Address of its API.")] = "https://api.example.org",
) -> None:
    """Write the client of a new source, a recorded answer, and the bronze table of its rows.

    The client asks a JSON API once a period. Change `collect` and `parse` to what the source needs.
    """
    from lakeworks.authoring import new_source as client
    from lakeworks.authoring import new_table as files
    from lakeworks.project import project

    folder = files.table_folder(table)
    module = client.source_module(source, url)
    written = files.write_files(project().sources, module)
    written += files.write_files(folder, files.from_source(table, source, client.COLUMNS, client.ROW))
    _report(written, files.dag_line(table, source=True), table)


def _report(written: list[Path], line: str, table: str) -> None:
    from lakeworks.project import project

    for path in written:
        typer.echo(f"wrote {path.relative_to(project().root)}")
    domain = table.split(".")[1]
    typer.echo(f"Now add one line to the DAG of its domain (dags/{domain}*.py), after what it reads:\n    {line}")
    typer.echo(f"Then: lakeworks table check {table} && lakeworks table test {table}")
