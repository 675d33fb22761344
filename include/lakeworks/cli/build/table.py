"""`lakeworks table check` and `lakeworks table test`: is a table's folder right, and do its examples hold?"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from lakeworks.cli.arguments import TABLE, AsJson, table_names
from lakeworks.cli.output import emit
from lakeworks.errors import ContractError, LakeError, Problem

Tables = Annotated[
    list[str] | None,
    typer.Argument(help=f"{TABLE}; default: every table", show_default=False, autocompletion=table_names),
]
Watch = Annotated[bool, typer.Option("--watch", help="Look again whenever a file of the project changes.")]


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


def run_examples(tables: Tables = None, watch: Watch = False, as_json: AsJson = False) -> None:
    """Run the examples of tables.

    An example has given rows and expected rows. Prints each value that differs.

    Needs no lake and no network. Exit code 1 if an example does not hold.
    """
    if watch:
        _run_again_after_changes()
    raise typer.Exit(1 if _print_examples(tables, as_json=as_json) else 0)


def _print_problems(tables: Sequence[str] | None, *, dags: bool, as_json: bool) -> int:
    from lakeworks.authoring.table_check import project_problems

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


def _print_examples(tables: Sequence[str] | None, *, as_json: bool) -> int:
    from lakeworks.authoring.example_difference import differences
    from lakeworks.authoring.example_runner import run_example
    from lakeworks.contract import all_tables, load_contract
    from lakeworks.engines.duckdb import DuckDbEngine
    from lakeworks.transform.examples import read_examples

    rows: list[dict[str, Any]] = []
    with TemporaryDirectory() as scratch:
        engine = DuckDbEngine(scratch=Path(scratch))
        for table in tables or all_tables():
            try:
                for example in read_examples(load_contract(table)):
                    lines = differences(example, run_example(example, engine))
                    rows.append({"table": table, "example": example.name, "holds": not lines, "differences": lines})
            except LakeError as error:
                rows.append({"table": table, "example": "", "holds": False, "differences": _lines(error)})
    failed = [row for row in rows if not row["holds"]]
    if as_json:
        emit(rows, as_json=True)
        return len(failed)
    for row in rows:
        typer.echo(f"{'ok  ' if row['holds'] else 'FAIL'}  {row['table']}: {row['example']}")
        for line in row["differences"]:
            typer.echo(f"      {line}")
    typer.echo(f"{_number(len(rows), 'example')}: {len(rows) - len(failed)} hold, {len(failed)} fail.", err=True)
    return len(failed)


def _run_again_after_changes() -> None:
    """Run the same command now and after each change, in a fresh process: nothing of the changed files is remembered."""
    from lakeworks.authoring.file_watch import changes, snapshot
    from lakeworks.project import current_project

    here = current_project()
    command = [sys.executable, "-m", "lakeworks", *(word for word in sys.argv[1:] if word != "--watch")]
    folders = [here.folder, here.root / "dags"]
    before = snapshot(folders)  # a change while the first look lasts is not lost
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
