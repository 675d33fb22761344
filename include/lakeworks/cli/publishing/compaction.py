"""`lakeworks file-sizes` and `lakeworks compact`: objects per partition, rewritten at the target size."""

from typing import Annotated, Any

import typer

from lakeworks.cli.connection import connect
from lakeworks.cli.explore.ledger import parse_partition
from lakeworks.cli.output import AsJson, emit
from lakeworks.contract import all_tables, load_contract
from lakeworks.maintenance.compaction import Compacted, FileReport, compact_each, file_report, report_of

TableOption = Annotated[str | None, typer.Argument(help="<layer>.<domain>.<table>; every table without it")]
PartitionOption = Annotated[
    str | None, typer.Argument(help="2019-01-05, or year=2019/month=01/day=05; default: all that need it")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def show_file_sizes(table: TableOption = None, as_json: AsJson = False) -> None:
    """Show objects and sizes, and what needs compaction."""
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


def compact_table(
    table: Annotated[str, typer.Argument(help="<layer>.<domain>.<table>", show_default=False)],
    partition: PartitionOption = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Rewrite partitions in objects of the target size.

    Exit code 1 if concurrent writers published some of them meanwhile.
    """
    lake, contract = connect(), load_contract(table)
    if partition is not None:
        chosen = [report_of(lake, contract, parse_partition(contract, partition))]
    else:
        chosen = [report for report in file_report(lake, contract) if report.needs_compaction]
    if dry_run:
        emit([_row(table, report) for report in chosen], as_json=as_json, title="Would compact")
        return
    done = list(compact_each(lake, contract, chosen))
    emit([_done(table, item) for item in done], as_json=as_json, title="Compacted")
    overtaken = [item.overtaken for item in done if item.overtaken]
    for told in overtaken:
        typer.echo(f"Left as it is: {told}", err=True)
    if overtaken:
        raise typer.Exit(1)


def _done(table: str, item: Compacted) -> dict[str, Any]:
    entry = item.entry
    return _row(table, item.report) | {
        "objects after": len(entry.objects) if entry else None,
        "bytes after": entry.size if entry else None,
        "publication": entry.seq if entry else None,
    }


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
