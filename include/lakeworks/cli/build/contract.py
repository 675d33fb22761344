"""`lakeworks contract diff`: what changed since the contract the lake was published by."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lakeworks.cli.arguments import AsJson, TableArgument
from lakeworks.cli.output import emit, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import Contract, load_contract, read_contract
from lakeworks.contract.evolution import changes, left_for_athena, left_for_spark_3, version_needed
from lakeworks.errors import LakeNotFound


def diff_contract(
    table: TableArgument,
    against: Annotated[
        Path | None, typer.Option(help="an older contract.yml; default: the contract of this lake's last publication")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what changed in a contract and the version it needs.

    Classifies each change as breaking, compatible or documentation. Exit code 1 if the version number hides a change.

    Names on stderr the columns that Athena or Spark 3 may not read in older files, with the command that rewrites them.
    """
    new = load_contract(table)
    old = _published(new) if against is None else read_contract(against, table, str(against))
    differences = changes(old, new)
    needed = version_needed(old.version, differences)
    emit([vars(change) for change in differences], as_json=as_json, title=f"{table}: {old.version} to {new.version}")
    if notes := _notes_on_readers(left_for_athena(old, new), left_for_spark_3(old, new)):
        say(notes, to_stderr=True)
    if _number(new.version) < _number(needed):
        say(f"These changes need version {needed}.", to_stderr=True)
        raise typer.Exit(1)


def print_reference() -> None:
    """Print the reference of a table's files.

    Explains contract.yml, transform.sql and examples.yml, as Markdown.
    """
    from lakeworks.documentation.contract_page import contract_reference

    typer.echo(contract_reference(), nl=False)


def print_schema() -> None:
    """Print the JSON schema of contract.yml for editors.

    With it they complete and check contracts while a person types.
    """
    from lakeworks.documentation.editor_schema import contract_schema

    typer.echo(json.dumps(contract_schema(), indent=2))


def _notes_on_readers(athena: list[str], spark: list[str]) -> str:
    """Return which readers may fail on which columns of older files, and how to repair that; empty if none does."""
    if not athena and not spark:
        return ""
    notes = []
    if athena:
        notes.append(
            f"Athena: {_named(athena)}. Its documentation does not promise to read older files as the new type."
        )
    if spark:
        notes.append(f"Spark 3: {_named(spark)}. It refuses older files under the new type; Spark 4 reads them.")
    return "\n".join(
        [
            *notes,
            (
                "Lakeworks, pyarrow and DuckDB read them. Before other engines query the older partitions, rewrite "
                "them: lakeworks backfill start <dag> --from <first> --to <last> --again"
            ),
        ]
    )


def _named(columns: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in columns)


def _published(new: Contract) -> Contract:
    from lakeworks.cli.connection import connect
    from lakeworks.pipeline.contract_history import published

    with waiting(f"Reading the published contract of `{new.name}`"):
        versions = published(connect(), new)
    if versions is None:
        raise LakeNotFound(
            f"`{new.name}` was never published in this lake. Nothing was compared. Compare with a file: --against "
            "contract.yml"
        )
    return versions


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
