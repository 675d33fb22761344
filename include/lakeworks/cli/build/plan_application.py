"""`lakeworks plan --apply`: start the planned backfills in the order of the data, and show how far they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import typer

from lakeworks.airflow_api import Airflow
from lakeworks.backfill.runs import Backfill
from lakeworks.changes.application import Application, PlanRequest
from lakeworks.changes.costs import Estimate
from lakeworks.changes.plans import TablePlan
from lakeworks.changes.stages import Stage
from lakeworks.cli.backfill.view import watched
from lakeworks.cli.output import emit_one, say
from lakeworks.lake import Lake


@dataclass(frozen=True)
class Applying:
    """A person's choices about an application."""

    request: PlanRequest
    watch: bool
    as_json: bool


def apply_plan(
    lake: Lake, airflow: Airflow, plans: Sequence[TablePlan], costs: Sequence[Estimate], how: Applying
) -> None:
    """Start the stages of a plan, and wait for each before the next. Exit code 1 if a run failed."""
    application = Application.begin(lake, airflow, plans, costs, how.request)
    number, failures = application.document.number, list[str]()

    def follow(backfill: Backfill) -> bool:
        seen = watched(airflow, backfill.id, lake, as_json=how.as_json, on_look=application.alive)
        failures.extend(seen.failures)
        return not seen.failures

    rows: list[dict[str, Any]] = []
    try:
        for stage, begun in application.started(follow):
            rows.append(_row(stage, begun))
            if not how.as_json:
                say(_line(stage, begun))
            if begun and how.watch and len(rows) == len(application.stages):
                follow(begun)
    except KeyboardInterrupt:
        say(
            f"\nThe started runs go on without this command; later stages do not start. Look: lakeworks plan show {number}",
            to_stderr=True,
        )
        raise typer.Exit(130) from None
    if how.as_json:
        emit_one({"plan": number, "state": application.document.state, "stages": rows, "failures": failures})
    else:
        _say_end(application, failures)
    if failures:
        raise typer.Exit(1)


def _row(stage: Stage, begun: Backfill | None) -> dict[str, Any]:
    return {
        "dag": stage.dag.dag_id,
        "tables": list(stage.tables),
        "backfill": begun.id if begun else None,
        "runs": len(stage.plan.runs),
        "periods": stage.plan.to_run,
        "under_way": [str(period) for period in stage.plan.under_way],
    }


def _line(stage: Stage, begun: Backfill | None) -> str:
    dag, busy = stage.dag, len(stage.plan.under_way)
    under_way = f" {busy} {dag.grain}s are running already; they do not start twice." if busy else ""
    if begun is None:
        return f"{dag.dag_id}: nothing to start.{under_way}"
    return (
        f"{dag.dag_id}: started {stage.plan.to_run} {dag.grain}s of {', '.join(stage.tables)}, in {len(stage.plan.runs)} runs."
        f"{under_way}\nwatch it: lakeworks backfill watch {begun.id}"
    )


def _say_end(application: Application, failures: Sequence[str]) -> None:
    number = application.document.number
    for failure in failures:
        say(f"failed: {failure}")
    later = [stage.dag for stage in application.document.stages if not stage.backfill]
    if failures and later:
        say(f"Not started, because they are built from its tables: {', '.join(later)}.")
    if failures:
        say("Correct the cause, then apply again: lakeworks plan --apply")
    say(f"This is plan {number}. Its estimate beside what the runs take: lakeworks plan show {number}")
