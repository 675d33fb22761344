"""`lakeworks files` and `lakeworks compact`: how tables are cut into objects, and cutting them anew."""

from typing import Annotated, Any

import typer

from lakeworks.cli.connect import connect
from lakeworks.cli.ledger import parse_partition
from lakeworks.cli.output import AsJson, emit
from lakeworks.contract import all_tables, load_contract
from lakeworks.pipeline.compact import FileReport, file_report
from lakeworks.pipeline.compact import compact as write_anew

TableOption = Annotated[str | None, typer.Argument(help="<layer>.<domain>.<table>; every table without it")]
PartitionOption = Annotated[
    str | None, typer.Argument(help="2019-01-05, or year=2019/month=01/day=05; default: all that need it")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def files(table: TableOption = None, as_json: AsJson = False) -> None:
    """Show objects and sizes per partition, and which partitions should be compacted."""
    lake = connect()
    rows = [
        _row(name, report)
        for name in ([table] if table else all_tables())
        for report in file_report(lake, load_contract(name))
        if table or report.verdict != "fine"
    ]
    emit(
        rows, as_json=as_json, title=f"{table}: objects" if table else "Partitions that are not near their target size"
    )


def compact(
    table: Annotated[str, typer.Argument(help="<layer>.<domain>.<table>", show_default=False)],
    partition: PartitionOption = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write partitions anew in objects of the target size; rows and readers notice nothing."""
    lake, contract = connect(), load_contract(table)
    reports = file_report(lake, contract)
    if partition is not None:
        named = parse_partition(contract, partition)
        chosen = [report for report in reports if report.partition == named]
    else:
        chosen = [report for report in reports if report.needs_compaction]
    rows = []
    for report in chosen:
        row = _row(table, report)
        if not dry_run:
            done = write_anew(lake, contract, report.partition)
            row |= {"objects after": len(done.objects), "bytes after": done.size, "publication": done.seq}
        rows.append(row)
    emit(rows, as_json=as_json, title="Would compact" if dry_run else "Compacted")


def _row(table: str, report: FileReport) -> dict[str, Any]:
    return {
        "table": table,
        "partition": str(report.partition),
        "objects": report.objects,
        "bytes": report.bytes,
        "smallest": report.smallest,
        "median": report.median,
        "largest": report.largest,
        "verdict": report.verdict,
    }
