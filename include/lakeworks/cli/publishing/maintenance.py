"""`lakeworks verify`, `repair`, `expire` and `gc`: compare, repair and clean up publications."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from lakeworks.cli.arguments import AsJson, DryRun, OptionalTable
from lakeworks.cli.connection import connect
from lakeworks.cli.output import emit
from lakeworks.cli.progress import track, waiting
from lakeworks.contract import all_tables, load_contract
from lakeworks.dev.closing import drop_ended
from lakeworks.errors import TerminalError
from lakeworks.maintenance import garbage_collection as garbage
from lakeworks.maintenance.expiry import expire
from lakeworks.maintenance.finding import VerificationFinding
from lakeworks.maintenance.garbage.leftover import Garbage
from lakeworks.maintenance.renewal import renew
from lakeworks.maintenance.verification import repair, verify


def verify_tables(
    table: OptionalTable = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every object; check its hash and compare its columns with Glue's.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare ledger, objects and catalog.

    Exit code 1 if they differ.
    """
    lake = connect()
    rows = []
    for name in track(_names(table), "Verifying"):
        try:
            rows += [_row(name, finding) for finding in verify(lake, load_contract(name), deep=deep)]
        except TerminalError as error:  # a table that cannot be read must not hide the others
            rows.append({"table": name, "partition": "", "kind": "unreadable", "detail": str(error)})
    emit(rows, as_json=as_json, title="Differences")
    if rows:
        raise typer.Exit(1)


def repair_tables(table: OptionalTable = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Repair objects and catalog from the ledger.

    Does not touch what another program wrote.
    """
    lake = connect()
    rows = []
    for name in track(_names(table), "Repairing"):
        contract = load_contract(name)
        findings = verify(lake, contract, patience=timedelta(0))
        repaired = [] if dry_run else repair(lake, contract, findings)
        rows += [{**_row(name, finding), "repaired": finding in repaired} for finding in findings]
    emit(rows, as_json=as_json, title="Would repair" if dry_run else "Repaired")


def expire_tables(table: OptionalTable = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Withdraw partitions past their retention.

    A partition is past it when no run published or confirmed it within the table's retention. Objects as old as that of
    partitions in use are written again, so that the bucket's rule does not delete them.
    """
    lake, rows = connect(), []
    for name in track(_names(table), "Expiring"):
        expired = expire(lake, load_contract(name), dry_run=dry_run)
        rows += [
            {
                "table": name,
                "partition": str(item.partition),
                "confirmed": f"{item.last_confirmed:%Y-%m-%d}",
                "rows": item.rows,
            }
            for item in expired
        ]
        if not dry_run:
            renew(lake, load_contract(name))
    emit(rows, as_json=as_json, title="Would expire" if dry_run else "Expired")


def collect_garbage(
    dry_run: DryRun = False,
    hours: Annotated[float, typer.Option(help="keep objects younger than this many hours")] = 24.0,
    as_json: AsJson = False,
) -> None:
    """Remove leftovers of dead runs and superseded versions.

    Removes staged objects of dead runs, superseded versions, uploads that were never completed, and dev lakes whose life has
    ended.
    """
    lake, age = connect(), timedelta(hours=hours)
    with waiting("Looking for leftovers"):
        collected = list(garbage.collect(lake, map(load_contract, all_tables()), older_than=age, dry_run=dry_run))
        ended = drop_ended(lake, dry_run=dry_run)
        collected += [Garbage("dev lake", item.name, item.objects, item.bytes) for item in ended]
    emit([vars(item) for item in collected], as_json=as_json, title="Garbage" if dry_run else "Removed")


def _names(table: str | None) -> list[str]:
    return [table] if table else all_tables()


def _row(table: str, finding: VerificationFinding) -> dict[str, Any]:
    return {"table": table, "partition": str(finding.partition), "kind": finding.kind, "detail": finding.detail}
