"""`lakeworks table check` and `lakeworks table test`: check a table's folder, and run its examples."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakeworks.cli.arguments import TABLE, AsJson, table_names
from lakeworks.cli.output import emit
from lakeworks.cli.progress import track, waiting
from lakeworks.errors import ContractError, LakeError, Problem

if TYPE_CHECKING:
    from lakeworks.authoring.example_engines import ExampleEngine

Tables = Annotated[
    list[str] | None,
    typer.Argument(help=f"{TABLE}; default: every table", show_default=False, autocompletion=table_names),
]
Watch = Annotated[bool, typer.Option("--watch", help="Repeat after each change of a file in the project.")]


def check_tables(
    tables: Tables = None,
    dags: Annotated[bool, typer.Option(help="Parse the DAG files too (some seconds).")] = True,
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Check tables without a lake: every problem, one line each.

    Checks contract, SQL, lineage, source, examples and DAG wiring.

    Needs no lake and no network. Exit code 1 if there is a problem.
    """
    if watch:
        _run_again_after_changes()
    raise typer.Exit(1 if _print_problems(tables, dags=dags, as_json=as_json) else 0)


def run_examples(
    tables: Tables = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="duckdb or spark; default: every installed engine (Spark starts in 10 seconds)", show_default=False
        ),
    ] = None,
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Run the examples of tables.

    An example has given rows and expected rows. Prints each value that differs.

    DuckDB runs an example as a run does. Spark, where pyspark is installed or LAKE_SPARK names its folder, runs the SQL alone
    and must give the same rows.

    Needs no lake and no network. Exit code 1 if an example does not hold on an engine.
    """
    if watch:
        _run_again_after_changes()
    raise typer.Exit(1 if _print_examples(tables, engine, as_json=as_json) else 0)


def _print_problems(tables: Sequence[str] | None, *, dags: bool, as_json: bool) -> int:
    from lakeworks.authoring.table_check import project_problems

    with waiting("Checking tables and DAG files" if dags else "Checking tables"):
        names, problems, notes = project_problems(tables, dags=dags)
    if as_json:
        emit([vars(problem) for problem in problems], as_json=True)
        return len(problems)
    for problem in problems:
        typer.echo(str(problem))
    for note in notes:
        typer.echo(note, err=True)
    typer.echo(f"{_number(len(names), 'table')} checked: {_number(len(problems), 'problem')}.", err=True)
    return len(problems)


def _print_examples(tables: Sequence[str] | None, engine: str | None, *, as_json: bool) -> int:
    from lakeworks.authoring.example_engines import engines_at_hand
    from lakeworks.contract import all_tables

    rows: list[dict[str, Any]] = []
    with TemporaryDirectory() as scratch, engines_at_hand(Path(scratch), engine) as (engines, missing):
        for table in track(tables or all_tables(), "Running examples of"):
            rows += _outcomes(table, engines)
    failed = [row for row in rows if not row["holds"]]
    if as_json:
        emit(rows, as_json=True)
        return len(failed)
    for (table, example), differences in _by_example(rows).items():
        wrong = [row for row in differences if not row["holds"]]
        ran = ", ".join(row["engine"] for row in differences if row["engine"])
        typer.echo(f"{'FAIL' if wrong else 'ok  '}  {table}: {example}{f' ({ran})' if ran else ''}")
        for row in wrong:
            for line in row["differences"]:
                typer.echo(f"      {row['engine'] or 'contract'}: {line}")
    count, bad = len(_by_example(rows)), len(_by_example(failed))
    typer.echo(f"{_number(count, 'example')}: {count - bad} hold, {bad} fail.", err=True)
    for line in [f"Run on {' and '.join(item.label for item in engines)}.", *missing]:
        typer.echo(line, err=True)
    return len(failed)


def _outcomes(table: str, engines: "Sequence[ExampleEngine]") -> list[dict[str, Any]]:
    """Return a row for each example of a table and each engine that runs it."""
    from lakeworks.contract import load_contract
    from lakeworks.transform.examples import read_examples

    rows: list[dict[str, Any]] = []
    try:
        examples = read_examples(load_contract(table))
    except LakeError as error:
        return [{"table": table, "example": "", "engine": "", "holds": False, "differences": _lines(error)}]
    for example in examples:
        for engine in engines:
            try:
                lines = engine.differences(example)
            except LakeError as error:
                lines = _lines(error)
            if lines is not None:
                row = {"table": table, "example": example.name, "engine": engine.label}
                rows.append({**row, "holds": not lines, "differences": lines})
    return rows


def _by_example(rows: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["table"], row["example"]), []).append(row)
    return groups


def _run_again_after_changes() -> None:
    """Run the same command now and after each change. A new process each time reads all files again."""
    from lakeworks.authoring.file_watch import changes, snapshot
    from lakeworks.project import current_project

    here = current_project()
    command = [sys.executable, "-m", "lakeworks", *(word for word in sys.argv[1:] if word != "--watch")]
    folders = [here.folder, here.root / "dags"]
    before = snapshot(folders)  # taken before the first run, so that a change during it counts
    try:
        subprocess.run(command, check=False)
        for changed in changes(folders, before):
            typer.echo(f"\n{', '.join(sorted(str(path.relative_to(here.root)) for path in changed))} changed", err=True)
            subprocess.run(command, check=False)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _lines(error: LakeError) -> list[str]:
    problems: Sequence[Problem] = error.problems if isinstance(error, ContractError) else ()
    return [str(problem) for problem in problems] or str(error).splitlines()


def _number(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"
