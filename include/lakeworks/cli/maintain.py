"""`lakeworks verify`, `repair`, `gc` and `quarantine`: looking after what is published."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from lakeworks.cli.connect import connect
from lakeworks.cli.output import AsJson, emit
from lakeworks.contract import all_tables, load_contract
from lakeworks.errors import LakeNotFound
from lakeworks.pipeline import garbage
from lakeworks.pipeline.summary import latest_runs
from lakeworks.pipeline.verify import Finding
from lakeworks.pipeline.verify import repair as mend
from lakeworks.pipeline.verify import verify as compare

TableArgument = Annotated[str, typer.Argument(help="<layer>.<domain>.<table>", show_default=False)]
TableOption = Annotated[str | None, typer.Argument(help="<layer>.<domain>.<table>; every table without it")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def verify(
    table: TableOption = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read and hash every object.")] = False,
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
        mended = [] if dry_run else mend(lake, contract, findings)
        rows += [{**_row(name, finding), "repaired": finding in mended} for finding in findings]
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


def quarantine(
    table: TableArgument,
    period: Annotated[str | None, typer.Argument(help="show the rows of this period, e.g. 2019-01")] = None,
    limit: Annotated[int, typer.Option(help="rows to show")] = 20,
    as_json: AsJson = False,
) -> None:
    """List what was set aside per period, or show one period's rows with their reasons."""
    lake, contract = connect(), load_contract(table)
    runs = {key: run for key, run in latest_runs(lake, contract).items() if run.quarantine}
    if period is None:
        rows: list[dict[str, Any]] = [
            {
                "period": key,
                "rows": run.balance.quarantined,
                "of": run.balance.read,
                "rules": _rules(run.balance.broken),
            }
            for key, run in sorted(runs.items())
        ]
        emit(rows, as_json=as_json, title=f"{table}: quarantine")
        return
    if period not in runs or (found := runs[period].quarantine) is None:
        raise LakeNotFound(f"`{table}` {period} has nothing in quarantine. What has: lakeworks quarantine {table}")
    import pyarrow.parquet as pq

    with TemporaryDirectory(dir=lake.scratch) as folder:
        path = Path(folder) / "rows.parquet"
        lake.store.download(found.key, path)
        shown = pq.read_table(path).slice(0, limit).to_pylist()
    reasons = ("_reason", "_broken_rules")
    emit(
        [{**{key: row[key] for key in (*reasons, *contract.grain)}, **(row if as_json else {})} for row in shown],
        as_json=as_json,
        title=f"{table} {period}: {len(shown)} of {found.rows} rows in {lake.store.uri(found.key)}",
    )


def _row(table: str, finding: Finding) -> dict[str, Any]:
    return {"table": table, "partition": str(finding.partition), "kind": finding.kind, "detail": finding.detail}


def _rules(broken: dict[str, int]) -> str:
    return ", ".join(f"{rule} {count}" for rule, count in sorted(broken.items(), key=lambda item: -item[1]))
