"""The view of a plan of changed code: changes, partitions to build again, what is left out, and the cost."""

from collections.abc import Sequence
from typing import Any

from lakeworks.backfill.request_estimate import Need
from lakeworks.changes.column_changes import CodeChange
from lakeworks.changes.costs import Estimate
from lakeworks.changes.plans import TablePlan
from lakeworks.cli.cell_text import money
from lakeworks.cli.output import emit, say


def show(
    plans: Sequence[TablePlan], costs: Sequence[Estimate], asked: Sequence[Need], unpublished: Sequence[str]
) -> None:
    """Print a plan for a person."""
    for name in unpublished:
        say(
            f"Nothing of `{name}` is published, so there is nothing to build again. Build it for the first time: lakeworks "
            "backfill start <dag>"
        )
    if not plans and not unpublished:
        say("The project's code is the code that published every partition. There is nothing to build again.")
    if not plans:
        return
    _show_changes(plans)
    _show_work(plans, costs)
    if excluded := _excluded(plans):
        emit(excluded, as_json=False, title="Excluded: not built again")
    if asked:
        emit([need.as_dict() for need in asked], as_json=False, title="What vendors are asked")


def _excluded(plans: Sequence[TablePlan]) -> list[dict[str, Any]]:
    """Return a row for each reason."""
    rows = []
    for item in plans:
        for why in dict.fromkeys(item.excluded.values()):
            parts = sorted(str(part) for part, reason in item.excluded.items() if reason == why)
            rows.append(
                {"table": item.contract.name, "partitions": len(parts), "from": parts[0], "to": parts[-1], "why": why}
            )
    return rows


def _show_changes(plans: Sequence[TablePlan]) -> None:
    rows = [
        {"table": item.contract.name, "column": change.column or "(rows)", "change": change.kind, "what": change.what}
        for item in plans
        for change in item.changes
    ]
    if rows:
        emit(rows, as_json=False, title="Changes")


def _show_work(plans: Sequence[TablePlan], costs: Sequence[Estimate]) -> None:
    rows = [_work(item, cost) for item, cost in zip(plans, costs, strict=True)]
    emit(rows, as_json=False, title="Partitions to build again, upstream tables first")


def _work(item: TablePlan, cost: Estimate) -> dict[str, Any]:
    periods = item.periods
    return {
        "table": item.contract.name,
        "build": cost.partitions,
        "keep": item.kept,
        "from": str(periods[0]) if periods else "",
        "to": str(periods[-1]) if periods else "",
        "rows": cost.rows,
        "bytes": cost.bytes,
        "minutes": "?" if cost.seconds is None else f"{cost.seconds / 60:.1f}",
        "usd": _usd(cost),
        "because": _because(item),
    }


def _usd(cost: Estimate) -> str:
    known = "?" if cost.usd is None else money(cost.usd)
    return f"{known}; {cost.unpriced}" if cost.unpriced else known


def _because(item: TablePlan) -> str:
    reasons = ["its own code"] if item.changes else []
    reasons += [f"reads {name}" for name in item.because]
    return "; ".join(reasons) or f"uses no changed column of {', '.join(item.spared_by)}"


def plan_document(item: TablePlan, cost: Estimate) -> dict[str, Any]:
    """Return a planned table for programs."""
    return {
        "table": item.contract.name,
        "changes": [_change(change) for change in item.changes],
        "because": list(item.because),
        "spared_by": list(item.spared_by),
        "columns": "all" if item.reach.every else sorted(item.reach.columns),
        "partitions": sorted(partition.path for partition in item.rebuilt),
        "periods": [str(period) for period in item.periods],
        "kept": item.kept,
        "excluded": {partition.path: why for partition, why in sorted(item.excluded.items(), key=lambda x: x[0].path)},
        "inputs_expired": sorted(partition.path for partition in item.fixed),
        "rows": cost.rows,
        "bytes": cost.bytes,
        "seconds": cost.seconds,
        "builds": cost.runs,
        "s3_writes": cost.writes,
        "s3_reads": cost.reads,
        "athena_bytes": cost.scanned,
        "usd": cost.usd,
        "unpriced": cost.unpriced,
    }


def _change(change: CodeChange) -> dict[str, str]:
    return {"kind": change.kind, "column": change.column, "what": change.what}
