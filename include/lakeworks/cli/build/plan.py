"""`lakeworks plan`: what changed code means for what is published, and what it costs to bring it in."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from lakeworks.changes.column_changes import CodeChange
from lakeworks.changes.costs import Estimate, estimate, requests
from lakeworks.changes.plans import TablePlan, change_plan
from lakeworks.changes.revision import project_at
from lakeworks.cli.arguments import AsJson
from lakeworks.cli.connection import connect
from lakeworks.cli.output import emit, emit_one, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import load_contract
from lakeworks.contract.contract import all_tables
from lakeworks.core.names import TableName
from lakeworks.project import Project, current_project

ChosenTables = Annotated[
    list[str] | None, typer.Argument(help="only changes of these tables' own code", show_default=False)
]


Since = Annotated[
    str | None, typer.Option(help="compare with this revision of Git, and not with what published", show_default=False)
]


def plan_changes(tables: ChosenTables = None, since: Since = None, as_json: AsJson = False) -> None:
    """Show what changed code means, before anything runs.

    Compares the project with the code that built each published partition: the columns that change, the partitions to build
    again, here and downstream, those that need not, and the cost. Starts nothing.
    """
    chosen = [load_contract(str(TableName.parse(name))).name for name in tables or []]
    lake, contracts = connect(), [load_contract(name) for name in all_tables()]
    with waiting("Comparing the project's code with what published each partition"), _compared(since) as before:
        plans = change_plan(lake, contracts, chosen, before)
        costs = [estimate(lake, item) for item in plans]
        asked = requests(lake, plans)
    if as_json:
        documents = [_document(item, cost) for item, cost in zip(plans, costs, strict=True)]
        emit_one({"tables": documents, "requests": [need.as_dict() for need in asked]})
        return
    if not plans:
        say("The project's code is the code that published every partition. There is nothing to build again.")
        return
    _show_changes(plans)
    _show_work(plans, costs)
    emit([need.as_dict() for need in asked], as_json=False, title="What vendors are asked") if asked else None
    say("Start the runs: lakeworks backfill start <dag> --from <first> --to <last>")


@contextmanager
def _compared(since: str | None) -> Iterator[Project | None]:
    """Yield the project to compare with; None to compare with the ledger."""
    if since is None:
        yield None
        return
    with project_at(since, current_project()) as earlier:
        yield earlier


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
        "because": _because(item),
    }


def _because(item: TablePlan) -> str:
    reasons = ["its own code"] if item.changes else []
    reasons += [f"reads {name}" for name in item.because]
    return "; ".join(reasons) or f"uses no changed column of {', '.join(item.spared_by)}"


def _document(item: TablePlan, cost: Estimate) -> dict[str, Any]:
    return {
        "table": item.contract.name,
        "changes": [_change(change) for change in item.changes],
        "because": list(item.because),
        "spared_by": list(item.spared_by),
        "columns": "all" if item.reach.every else sorted(item.reach.columns),
        "partitions": sorted(partition.path for partition in item.rebuilt),
        "periods": [str(period) for period in item.periods],
        "kept": item.kept,
        "rows": cost.rows,
        "bytes": cost.bytes,
        "seconds": cost.seconds,
    }


def _change(change: CodeChange) -> dict[str, str]:
    return {"kind": change.kind, "column": change.column, "what": change.what}
