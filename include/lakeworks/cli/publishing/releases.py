"""`lakeworks release`: name what is live, keep it readable, compare it, go back to it."""

from datetime import date
from typing import Annotated, Any

import typer

from lakeworks.cli.arguments import AsJson, AsOf
from lakeworks.cli.connection import connect
from lakeworks.cli.output import Layout, emit, emit_one, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import all_tables, load_contract
from lakeworks.contract.contract import Contract
from lakeworks.errors import ConfigError
from lakeworks.exports.selection import moment_of
from lakeworks.lake import Lake
from lakeworks.releases.creation import ReleaseRequest, create_release, missing
from lakeworks.releases.difference import common_tables, compared, live_state, state_of
from lakeworks.releases.holding import HeldRelease, hold_all, size_of_copies
from lakeworks.releases.release import Release, ReleaseRegister
from lakeworks.releases.whole_rollback import RollbackStep, plan_release_rollback, roll_back_release

ReleaseName = Annotated[str, typer.Argument(help="the release, e.g. 2026-Q3-close", show_default=False)]
ChosenOfRelease = Annotated[
    str | None, typer.Option("--tables", help="tables, separated by commas; default: all", show_default=False)
]
Until = Annotated[
    str | None, typer.Option("--until", help="last day to hold it, e.g. 2033-12-31; default: until dropped")
]
_CHANGES = Layout(extra=("publication_before", "publication_after", "content_before", "content_after"))


def create(
    name: ReleaseName,
    tables: ChosenOfRelease = None,
    as_of: AsOf = None,
    until: Until = None,
    note: Annotated[str, typer.Option(help="a reason, for people")] = "",
    as_json: AsJson = False,
) -> None:
    """Name the live publications of every partition, and hold them.

    With --as-of, those of a past moment. `lakeworks sql --release NAME` and `export --release NAME` read them.
    """
    request = ReleaseRequest(name, moment_of(as_of) if as_of else None, _day(until), note)
    lake, contracts = connect(), _contracts(tables)
    with waiting(f"Writing release {name}"):
        release = create_release(lake, contracts, request)
    _show(lake, release, as_json=as_json)


def list_all(as_json: AsJson = False) -> None:
    """List the releases."""
    lake = connect()
    with waiting("Reading releases"):
        rows = [_row(lake, stored.document) for stored in ReleaseRegister(lake.store).all()]
    emit(rows, as_json=as_json, title="Releases")


def show(name: ReleaseName, as_json: AsJson = False) -> None:
    """Show a release: its tables, its copies, and whether the bucket still has every version.

    Exit code 1 if versions are gone.
    """
    lake = connect()
    with waiting(f"Checking release {name}"):
        release = ReleaseRegister(lake.store).read(name).document
        gone = missing(lake, release.entries)
    _show(lake, release, as_json=as_json, gone=len(gone))
    for entry in gone[:10]:
        say(f"gone: {entry.where} publication {entry.live_seq}", to_stderr=True)
    if gone:
        raise typer.Exit(1)


def compare(
    before: ReleaseName,
    after: Annotated[
        str | None, typer.Argument(help="another release; default: the live publications", show_default=False)
    ] = None,
    tables: ChosenOfRelease = None,
    as_json: AsJson = False,
) -> None:
    """Compare two releases, or a release and what is live: partitions, rows and content hashes."""
    lake = connect()
    with waiting("Comparing"):
        register = ReleaseRegister(lake.store)
        old, new = register.read(before).document, register.read(after).document if after else None
        names = common_tables(old, new, _names(tables))
        changes = compared(state_of(old, names), state_of(new, names) if new else live_state(lake, names))
    emit(
        [change.as_row() for change in changes],
        as_json=as_json,
        title=f"{before} to {after or 'live'}",
        layout=_CHANGES,
    )


def roll_back(
    name: ReleaseName,
    tables: ChosenOfRelease = None,
    withdraw_later: Annotated[
        bool, typer.Option("--withdraw-later", help="withdraw partitions that the release does not have")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="roll back; without it, only the plan is printed")] = False,
    as_json: AsJson = False,
) -> None:
    """Publish the rows of a release again in every partition that differs; the plan first.

    Each partition is one rollback. After a kill, repeat the command: partitions with these rows are skipped.
    """
    lake = connect()
    with waiting("Comparing with what is live"):
        release = ReleaseRegister(lake.store).read(name).document
        steps = plan_release_rollback(lake, release, _names(tables), withdraw_later=withdraw_later)
    if not as_json or not yes:
        emit([_step(step) for step in steps], as_json=as_json, title=f"Rollback to {name}")
    if not yes:
        say("Nothing was changed. Roll back: repeat the command with --yes", to_stderr=True) if steps else None
        return
    with waiting("Rolling back"):
        done = list(roll_back_release(lake, steps))
    emit([entry.as_row() for entry in done], as_json=as_json, title="Rolled back")


def drop(name: ReleaseName) -> None:
    """Drop a release, also one that does not parse: its versions are no longer held.

    The nightly `lakeworks gc` removes copies that no release needs. Live data does not change.
    """
    with waiting("Dropping the release"):
        ReleaseRegister(connect().store).drop(name)
    say(f"dropped release {name}. Live data is unchanged.")


def hold(as_json: AsJson = False) -> None:
    """Copy what releases name before the bucket deletes it; `lake_maintenance` does this every night.

    Exit code 1 if the bucket deleted or archived a version already.
    """
    with waiting("Holding releases"):
        done = hold_all(connect())
    emit([_held(item) for item in done], as_json=as_json, title="Held releases")
    if faults := [f"release `{item.name}`: {fault}" for item in done for fault in item.faults]:
        for fault in faults[:10]:
            say(fault, to_stderr=True)
        raise typer.Exit(1)


def _show(lake: Lake, release: Release, *, as_json: bool, gone: int = 0) -> None:
    rows = [_table(release, name) for name in release.tables]
    if as_json:
        emit_one({**_row(lake, release), "gone": gone, "by_table": rows})
        return
    emit([{**_row(lake, release), "gone": gone}], as_json=False, title=f"Release {release.name}")
    emit(rows, as_json=False, title="Tables")


def _table(release: Release, name: str) -> dict[str, Any]:
    entries = [entry for entry in release.entries if entry.table == name]
    return {
        "table": name,
        "partitions": len(entries),
        "rows": sum(entry.rows for entry in entries),
        "bytes": sum(entry.size for entry in entries),
    }


def _row(lake: Lake, release: Release) -> dict[str, Any]:
    return {
        "release": release.name,
        "created": f"{release.created_at:%Y-%m-%d %H:%M}",
        "as_of": f"{release.as_of:%Y-%m-%d %H:%M}" if release.as_of else "",
        "tables": len(release.tables),
        "partitions": len(release.entries),
        "rows": sum(entry.rows for entry in release.entries),
        "bytes": sum(entry.size for entry in release.entries),
        "bytes_of_copies": size_of_copies(release),
        "held": _promise(lake, release),
        "note": release.note,
    }


def _promise(lake: Lake, release: Release) -> str:
    """Return until when the release can be read, in words."""
    end = "it is dropped" if release.until is None else f"the end of {release.until}"
    if not release.is_held(lake.store.now()):
        return f"no longer: it ended on {release.until}"
    return (
        f"until {end}, if `release hold` runs every night; else {lake.lifecycle.rollback_days} days from a replacement"
    )


def _step(step: RollbackStep) -> dict[str, Any]:
    before, after = step.change.before, step.change.after
    return {
        "table": step.change.table,
        "partition": str(step.change.partition),
        "act": step.act,
        "publication": after.live_seq if after else None,
        "rows_now": before.rows if before else 0,
        "rows_then": after.rows if after else (before.rows if before and step.act == "leave" else 0),
    }


def _held(item: HeldRelease) -> dict[str, Any]:
    counts = {outcome: item.count(outcome) for outcome in ("current", "copied", "re-pinned", "lost", "archived")}
    return {"release": item.name, **counts}


def _names(tables: str | None) -> list[str]:
    return [load_contract(name.strip()).name for name in tables.split(",")] if tables else []


def _contracts(tables: str | None) -> list[Contract]:
    return [load_contract(name) for name in _names(tables) or all_tables()]


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--until `{text}` is no day. No release was written. Type 2033-12-31.") from None
