"""`lakeworks fetches` and `lakeworks budget`: fetches, their completeness, and the requests that vendors still allow."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from lakeworks.cli.arguments import AsJson, PeriodArgument, TableArgument
from lakeworks.cli.connection import connect
from lakeworks.cli.output import emit
from lakeworks.cli.progress import track, waiting
from lakeworks.contract import load_contract
from lakeworks.core.layout import QUOTA
from lakeworks.core.partition import Period
from lakeworks.errors import LakeNotFound
from lakeworks.landing.fetches import Fetches
from lakeworks.landing.files import prefix
from lakeworks.landing.forgetting import forget
from lakeworks.landing.landing_set import FileNote, LandingSet
from lakeworks.landing.quota import LakeState
from lakeworks.sources.http.limits import Spent, parsed

ResetOption = Annotated[
    str | None, typer.Option("--reset", metavar="SOURCE", help="Forget what was spent and why it rests.")
]


def list_fetches(
    table: TableArgument,
    period: PeriodArgument,
    files: Annotated[bool, typer.Option("--files", help="Show what each fetch did with each file, and why.")] = False,
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
    complete, every = set(fetches.complete), track(list(fetches.keys), "Reading the fetch")
    rows = [_complete(fetches, item) if item in complete else _unfinished(fetches, item) for item in every]
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
    names = [item.key.removeprefix(f"{QUOTA}/") for item in lake.store.scan(f"{QUOTA}/")]
    if reset is not None:
        if f"{reset}.json" not in names:
            known = ", ".join(name.removesuffix(".json") for name in names) or "none"
            raise LakeNotFound(f"Nothing was asked of `{reset}` in this lake. Known: {known}. Nothing was changed.")
        lake.store.delete([f"{QUOTA}/{reset}.json"])
        names.remove(f"{reset}.json")
    state = LakeState(lake.store)
    read = {name.removesuffix(".json"): state.read(name) for name in track(names, "Reading")}
    emit([_spent(name, parsed(stored[0])) for name, stored in read.items() if stored], as_json=as_json, title="Budget")


def _complete(fetches: Fetches, fetch: str) -> dict[str, Any]:
    made = fetches.read(fetch)
    size, unknown = sum(item.size for item in made.answers), made.facts.get("unknown", "")
    state = "as before" if made.same_as else "complete"
    return {
        "fetch": fetch,
        "state": state,
        "run": made.run_id,
        "answers": len(made.answers),
        "bytes": size,
        "unknown": unknown,
        **{outcome: sum(note.outcome == outcome for note in made.files) or "" for outcome in ("kept", "skipped")},
        "shrunk": made.facts.get("shrunk", ""),
    }


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


def _unfinished(fetches: Fetches, fetch: str) -> dict[str, Any]:
    answers = len(fetches.keys[fetch])
    empty = dict.fromkeys(("unknown", "kept", "skipped", "shrunk"), "")
    return {"fetch": fetch, "state": "unfinished", "run": "", "answers": answers, "bytes": None, **empty}


def _spent(source: str, spent: Spent) -> dict[str, Any]:
    now = datetime.now(UTC)
    rests = datetime.fromtimestamp(spent.closed_until, UTC)
    return {
        "source": source,
        "today": spent.of_day if spent.day == f"{now:%Y-%m-%d}" else 0,
        "this month": spent.of_month if spent.month == f"{now:%Y-%m}" else 0,
        "failures in a row": spent.failures,
        "rests until": f"{rests:%Y-%m-%d %H:%M:%S} UTC" if rests > now else "",
        "because": spent.reason if rests > now else "",
    }
