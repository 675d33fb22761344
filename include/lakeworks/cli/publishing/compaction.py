"""`lakeworks file-sizes` and `lakeworks compact`: objects per partition, rewritten at the target size."""

from typing import Annotated, Any

import typer

from lakeworks.cli.arguments import PARTITION, AsJson, DryRun, OptionalTable
from lakeworks.cli.connection import connect
from lakeworks.cli.output import Layout, emit, say
from lakeworks.cli.progress import counted, track
from lakeworks.contract import all_tables, load_contract
from lakeworks.maintenance.compaction import Compacted, FileReport, compact_each, file_report, report_of

_SIZES = Layout(extra=("smallest_bytes", "median_bytes", "largest_bytes", "publication"))


def show_file_sizes(table: OptionalTable = None, as_json: AsJson = False) -> None:
    """Show objects and sizes, and what needs compaction."""
    lake = connect()
    rows = [
        _row(name, report)
        for name in track([table] if table else all_tables(), "Reading")
        for report in file_report(lake, load_contract(name))
        if table or report.verdict != "fine"
    ]
    title = f"{table}: objects" if table else "Partitions that are not near their target size"
    emit(rows, as_json=as_json, title=title, layout=_SIZES)


def compact_table(
    table: Annotated[str, typer.Argument(help="<layer>.<domain>.<table>", show_default=False)],
    partition: Annotated[str | None, typer.Argument(help=f"{PARTITION}; default: all with small files")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Rewrite partitions in objects of the target size.

    Exit code 1 if concurrent writers published some of them meanwhile.
    """
    lake, contract = connect(), load_contract(table)
    if partition is not None:
        chosen = [report_of(lake, contract, contract.parse_partition(partition))]
    else:
        chosen = [report for report in file_report(lake, contract) if report.needs_compaction]
    if dry_run:
        emit([_row(table, report) for report in chosen], as_json=as_json, title="Would compact", layout=_SIZES)
        return
    done: list[Compacted] = []
    with counted(f"Rewriting partitions of {table}") as progress:
        progress(0, len(chosen))
        for item in compact_each(lake, contract, chosen):
            done.append(item)
            progress(len(done), len(chosen))
    emit([_as_row(table, item) for item in done], as_json=as_json, title="Compacted", layout=_SIZES)
    overtaken = [item.overtaken for item in done if item.overtaken]
    for reason in overtaken:
        say(f"Not compacted: {reason}", to_stderr=True)
    if overtaken:
        raise typer.Exit(1)


def _as_row(table: str, item: Compacted) -> dict[str, Any]:
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
        "smallest_bytes": report.smallest,
        "median_bytes": report.median,
        "largest_bytes": report.largest,
        "verdict": report.verdict,
    }
