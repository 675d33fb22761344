"""`lakeworks verify`, `repair` and `gc`: looking after what is published."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from lakeworks.cli.connect import connect
from lakeworks.cli.output import AsJson, emit
from lakeworks.contract import all_tables, load_contract
from lakeworks.maintenance import garbage_collection as garbage
from lakeworks.maintenance.verify import Finding
from lakeworks.maintenance.verify import repair as repair_findings
from lakeworks.maintenance.verify import verify as compare

TableArgument = Annotated[str, typer.Argument(help="<layer>.<domain>.<table>", show_default=False)]
TableOption = Annotated[str | None, typer.Argument(help="<layer>.<domain>.<table>; every table without it")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def verify(
    table: TableOption = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every object: its hash, and its columns against Glue's.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare ledger, objects and catalog; exit code 1 if they disagree anywhere."""
    lake = connect()
    rows = []
    for name in [table] if table else all_tables():
        rows += [_row(name, finding) for finding in compare(lake, load_contract(name), deep=deep)]
    emit(rows, as_json=as_json, title="Differences")
    if rows:
        raise typer.Exit(1)


def repair(table: TableOption = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Bring objects and catalog in line with the ledger; what something else wrote is left alone."""
    lake = connect()
    rows = []
    for name in [table] if table else all_tables():
        contract = load_contract(name)
        findings = compare(lake, contract)
        repaired = [] if dry_run else repair_findings(lake, contract, findings)
        rows += [{**_row(name, finding), "repaired": finding in repaired} for finding in findings]
    emit(rows, as_json=as_json, title="Would repair" if dry_run else "Repaired")


def gc(
    dry_run: DryRun = False,
    hours: Annotated[float, typer.Option(help="leave alone what is younger")] = 24.0,
    as_json: AsJson = False,
) -> None:
    """Remove what dead attempts left in staging, superseded versions, and uploads nobody will complete."""
    found = garbage.collect(
        connect(), map(load_contract, all_tables()), older_than=timedelta(hours=hours), dry_run=dry_run
    )
    emit([vars(item) for item in found], as_json=as_json, title="Garbage" if dry_run else "Removed")


def _row(table: str, finding: Finding) -> dict[str, Any]:
    return {"table": table, "partition": str(finding.partition), "kind": finding.kind, "detail": finding.detail}
