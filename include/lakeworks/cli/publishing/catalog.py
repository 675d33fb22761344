"""`lakeworks catalog diff` and `repair`: what Glue lists against what is published."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lakeworks.cli.connection import connect
from lakeworks.cli.output import AsJson, emit
from lakeworks.contract import all_tables, load_contract
from lakeworks.errors import ConfigError
from lakeworks.maintenance.catalog_difference import CatalogDifference
from lakeworks.maintenance.catalog_repair import compare_catalog

TableOption = Annotated[str | None, typer.Argument(help="<layer>.<domain>.<table>")]
Everything = Annotated[bool, typer.Option("--all", help="Every table.")]
Deep = Annotated[bool, typer.Option("--deep", help="Read every ledger entry, also where the listings agree.")]
# A person reads so many lines a kind; --json has them all.
_SHOWN = 10


def diff_catalog(
    table: TableOption = None, every: Everything = False, deep: Deep = False, as_json: AsJson = False
) -> None:
    """Show where catalog and ledger differ.

    Exit code 1 if they differ.
    """
    found = _run(table, every=every, repair=False, deep=deep)
    _show(found, as_json=as_json, title="Differences")
    if found:
        raise typer.Exit(1)


def repair_catalog(
    table: TableOption = None,
    every: Everything = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    deep: Deep = False,
    as_json: AsJson = False,
) -> None:
    """Repair the catalog from the ledger.

    Exit code 1 if a difference is left.
    """
    found = _run(table, every=every, repair=not dry_run, deep=deep)
    _show(found, as_json=as_json, title="Would repair" if dry_run else "Repaired")
    if not dry_run and any(not item.repaired for _, item in found):
        raise typer.Exit(1)


def _run(table: str | None, *, every: bool, repair: bool, deep: bool) -> list[tuple[str, CatalogDifference]]:
    if every == bool(table):
        raise ConfigError("Name one table, or give --all. Nothing was done.")
    lake = connect()
    found: list[tuple[str, CatalogDifference]] = []
    for name in all_tables() if table is None else [table]:
        with _bar(name) as progress:
            found += [
                (name, item)
                for item in compare_catalog(lake, load_contract(name), repair=repair, deep=deep, progress=progress)
            ]
    return found


def _show(found: list[tuple[str, CatalogDifference]], *, as_json: bool, title: str) -> None:
    shown, seen = [], Counter[tuple[str, str]]()
    for name, item in found:
        seen[name, item.kind] += 1
        if as_json or seen[name, item.kind] <= _SHOWN:
            shown.append(_row(name, item))
    emit(shown, as_json=as_json, title=title)
    if not as_json and len(shown) < len(found):
        more = ", ".join(f"{name} {kind} {count:,}" for (name, kind), count in seen.items() if count > _SHOWN)
        Console().print(f"the first {_SHOWN} of each kind; all of them with --json: {more}")


def _row(name: str, item: CatalogDifference) -> dict[str, Any]:
    return {
        "table": name,
        "partition": str(item.partition),
        "kind": item.kind,
        "detail": item.detail,
        "repaired": item.repaired,
    }


@contextmanager
def _bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, nothing elsewhere; on stderr, so that --json stays clean."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
