"""`lakeworks catalog diff` and `repair`: compare Glue's list with the publications, and repair it."""

from collections import Counter
from typing import Annotated, Any

import typer

from lakeworks.cli.arguments import AsJson, DryRun, OptionalTable
from lakeworks.cli.connection import connect
from lakeworks.cli.output import emit, say
from lakeworks.cli.progress import counted
from lakeworks.contract import all_tables, load_contract
from lakeworks.errors import ConfigError
from lakeworks.maintenance.catalog_difference import CatalogDifference
from lakeworks.maintenance.catalog_repair import compare_catalog

Everything = Annotated[bool, typer.Option("--all", help="Every table.")]
Deep = Annotated[bool, typer.Option("--deep", help="Read every ledger entry, even if the listings agree.")]
# Enough lines per kind for a person; --json has all.
_SHOWN = 10


def diff_catalog(
    table: OptionalTable = None, every: Everything = False, deep: Deep = False, as_json: AsJson = False
) -> None:
    """Show where catalog and ledger differ.

    Exit code 1 if they differ.
    """
    differences = _run(table, every=every, repair=False, deep=deep)
    _show(differences, as_json=as_json, title="Differences")
    if differences:
        raise typer.Exit(1)


def repair_catalog(
    table: OptionalTable = None,
    every: Everything = False,
    dry_run: DryRun = False,
    deep: Deep = False,
    as_json: AsJson = False,
) -> None:
    """Repair the catalog from the ledger.

    Exit code 1 if a difference is left.
    """
    differences = _run(table, every=every, repair=not dry_run, deep=deep)
    _show(differences, as_json=as_json, title="Would repair" if dry_run else "Repaired")
    if not dry_run and any(not item.repaired for _, item in differences):
        raise typer.Exit(1)


def _run(table: str | None, *, every: bool, repair: bool, deep: bool) -> list[tuple[str, CatalogDifference]]:
    if every == bool(table):
        raise ConfigError("Name one table, or give --all. Nothing was done.")
    lake = connect()
    differences: list[tuple[str, CatalogDifference]] = []
    for name in all_tables() if table is None else [table]:
        with counted(name) as progress:
            differences += [
                (name, item)
                for item in compare_catalog(lake, load_contract(name), repair=repair, deep=deep, progress=progress)
            ]
    return differences


def _show(differences: list[tuple[str, CatalogDifference]], *, as_json: bool, title: str) -> None:
    shown, seen = [], Counter[tuple[str, str]]()
    for name, item in differences:
        seen[name, item.kind] += 1
        if as_json or seen[name, item.kind] <= _SHOWN:
            shown.append(_row(name, item))
    emit(shown, as_json=as_json, title=title)
    if not as_json and len(shown) < len(differences):
        more = ", ".join(f"{name} {kind} {count:,}" for (name, kind), count in seen.items() if count > _SHOWN)
        say(f"The first {_SHOWN} of each kind. All of them with --json: {more}")


def _row(name: str, item: CatalogDifference) -> dict[str, Any]:
    return {
        "table": name,
        "partition": str(item.partition),
        "kind": item.kind,
        "detail": item.detail,
        "repaired": item.repaired,
    }
