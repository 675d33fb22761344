"""`lakeworks plan list|show`: plans that were applied, their estimates and what their runs took."""

from typing import Annotated, Any

import typer

from lakeworks.changes.applied_plans import AppliedPlan, PlanRegister
from lakeworks.changes.plan_outcomes import outcomes
from lakeworks.cli.arguments import AsJson
from lakeworks.cli.connection import connect
from lakeworks.cli.output import emit, emit_one, say
from lakeworks.cli.progress import waiting
from lakeworks.prices import load_price_book
from lakeworks.settings import current_settings

PlanName = Annotated[str, typer.Argument(help="number of the applied plan, or `last`")]


def list_plans(as_json: AsJson = False) -> None:
    """List the plans that were applied.

    The oldest is first.
    """
    with waiting("Reading applied plans"):
        rows = [_row(plan) for plan in PlanRegister(connect().store).all()]
    emit(rows, as_json=as_json, title="Applied plans")


def show_plan(name: PlanName = "last", as_json: AsJson = False) -> None:
    """Show an applied plan: its estimate beside what its runs took.

    The difference is shown once all planned periods of a table are built.
    """
    lake, settings = connect(), current_settings()
    with waiting("Reading what the runs took"):
        plan = PlanRegister(lake.store).read(name).document
        found = list(outcomes(lake, plan, load_price_book(settings.price_book), settings.region))
    stages = [{**stage.model_dump(), "tables": list(stage.tables)} for stage in plan.stages]
    rows = [row for item in found for row in item.as_rows()]
    if as_json:
        emit_one({**_row(plan), "stages": stages, "tables": rows})
        return
    emit([_row(plan)], as_json=False, title=f"Plan {plan.number}")
    emit(stages, as_json=False, title="Stages, upstream first")
    emit([_readable(row) for row in rows], as_json=False, title="Estimate and actual")
    if plan.state == "stopped":
        say("It was stopped before its last stage. Look for the rest: lakeworks plan, and lakeworks status")


def _row(plan: AppliedPlan) -> dict[str, Any]:
    return {
        "plan": str(plan.number),
        "fingerprint": plan.fingerprint,
        "state": plan.state,
        "by": plan.created_by,
        "applied": f"{plan.created_at:%Y-%m-%d %H:%M}",
        "tables": len(plan.tables),
        "partitions": sum(table.partitions for table in plan.tables),
        "vendor requests": plan.requests,
    }


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for a person: the unit is in the measure's name."""
    shown = dict(row)
    for column in ("estimate", "actual"):
        if row[column] is not None:
            shown[column] = f"{row[column]:,.6f}".rstrip("0").rstrip(".")
        else:
            shown[column] = ""
    return shown
