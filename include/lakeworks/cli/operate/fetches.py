"""`lakeworks fetches` and `lakeworks budget`: fetches, their completeness, and the requests that vendors still allow."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from lakeworks.backfill.budgets import asked_sources, budget_of
from lakeworks.cli.arguments import AsJson, PeriodArgument, TableArgument
from lakeworks.cli.connection import connect
from lakeworks.cli.output import emit
from lakeworks.cli.progress import track, waiting
from lakeworks.contract import load_contract
from lakeworks.core.layout import QUOTA
from lakeworks.core.partition import Period
from lakeworks.errors import LakeNotFound
from lakeworks.landing.fetch_summary import fetch_lines
from lakeworks.landing.fetches import Fetches
from lakeworks.landing.files import prefix
from lakeworks.landing.forgetting import forget
from lakeworks.landing.landing_set import FileNote, LandingSet

ResetOption = Annotated[
    str | None, typer.Option("--reset", metavar="SOURCE", help="Reset the spent requests and the pause of a vendor.")
]


def list_fetches(
    table: TableArgument,
    period: PeriodArgument,
    files: Annotated[
        bool, typer.Option("--files", help="Show each fetch's result for each file, with the reason.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the fetches of a period.

    A fetch is complete, unchanged, or unfinished; the next run continues an unfinished one. Of delivered files it shows how
    many were taken, kept (they left the inbox) and skipped; `--files` names them.
    """
    contract, key = load_contract(table), Period.parse(period)
    with waiting(f"Listing fetches of {table} {key}"):
        fetches = Fetches.below(connect(), prefix(contract, key))
    if files:
        noted = [(fetch, fetches.read(fetch)) for fetch in track(fetches.complete, "Reading the fetch")]
        lines = [_file(fetch, made, note) for fetch, made in noted for note in made.files]
        emit(lines, as_json=as_json, title=f"{table} {key}: files")
        return
    with waiting("Reading the fetches"):
        rows = list(fetch_lines(fetches))
    emit(rows, as_json=as_json, title=f"{table} {key}")


def forget_files(
    table: TableArgument,
    period: PeriodArgument,
    names: Annotated[list[str], typer.Argument(metavar="FILE...", help="Names as `fetches --files` shows them.")],
    as_json: AsJson = False,
) -> None:
    """Forget delivered files of a period.

    The next run of the period publishes without their rows. The landed bytes stay. A file that still lies in the inbox is
    taken again by the next fetch.
    """
    contract, key = load_contract(table), Period.parse(period)
    with waiting(f"Looking for the files of {table} {key}"):
        made = forget(connect(), contract, key, names)
    lines = [_file(made.fetch, made, note) for note in made.files]
    emit(lines, as_json=as_json, title=f"{table} {key}: forgotten; run the period to publish without them")


def show_budget(reset: ResetOption = None, as_json: AsJson = False) -> None:
    """Show the requests made to each vendor, and pauses."""
    lake = connect()
    names = asked_sources(lake)
    if reset is not None:
        if reset not in names:
            known = ", ".join(names) or "none"
            raise LakeNotFound(
                f"No request was ever sent to `{reset}` in this lake. Known: {known}. Nothing was changed."
            )
        lake.store.delete([f"{QUOTA}/{reset}.json"])
        names.remove(reset)
    now = datetime.now(UTC)
    rows = [budget_of(lake, name, now).as_dict() for name in track(names, "Reading")]
    emit(rows, as_json=as_json, title="Budget")


def _file(fetch: str, made: LandingSet, note: FileNote) -> dict[str, Any]:
    landed = {item.request: item for item in made.answers}.get(note.name)
    rows = landed.facts.get("rows") if landed else None
    return {
        "fetch": fetch,
        "file": note.name,
        "outcome": note.outcome,
        "rows": int(rows) if rows else None,
        "bytes": landed.size if landed else None,
        "why": note.why,
    }
