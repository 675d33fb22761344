"""Views of a backfill: its plan, and its progress while Airflow works on it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from lakeworks.airflow_api import Airflow
from lakeworks.backfill import progress
from lakeworks.backfill.plan import Plan
from lakeworks.cli.output import emit, emit_one, say
from lakeworks.lake import Lake

_EVERY = 2.0  # seconds between two updates


def show_plan(plan: Plan) -> None:
    """Print a plan for a person: tables, vendors, runs."""
    dag = plan.dag
    emit([table.as_dict() for table in plan.tables], as_json=False, title=f"{dag.dag_id}: {dag.grain}s by table")
    if plan.needs:
        emit([need.as_dict() for need in plan.needs], as_json=False, title="Requests to vendors")
    if plan.archived:
        emit([item.as_dict() for item in plan.archived], as_json=False, title="Archived: restore it before you start")
    if plan.excluded:
        emit([item.as_dict() for item in plan.excluded], as_json=False, title="Excluded: no run builds these ranges")
    if plan.under_way:
        say(f"{len(plan.under_way)} {dag.grain}s are already running or queued; they do not start twice.")
    if not plan.runs:
        say("There is nothing to run." + ("" if plan.under_way else " To run finished periods again, add --again"))
        return
    days = f"; about {plan.days} days, by the vendors' daily limits" if plan.days > 1 else ""
    (first, _), (_, last) = plan.runs[0], plan.runs[-1]
    say(
        f"{plan.to_run} of {len(plan.periods)} {dag.grain}s will run, in {len(plan.runs)} runs from {first} "
        f"to {last}{days}." + (f" They work in dev lake {plan.dev}." if plan.dev else "")
    )


def follow(api: Airflow, backfill_id: str, lake: Lake, *, as_json: bool) -> None:
    """Watch a backfill until it is over; exits with 1 if a run failed."""
    try:
        seen = watched(api, backfill_id, lake, as_json=as_json)
    except KeyboardInterrupt:
        say(f"\nThe backfill continues without this command. Show it again: lakeworks backfill watch {backfill_id}")
        return
    now = datetime.now(UTC)
    if as_json:
        emit_one(seen.as_dict(now))
    else:
        rate = seen.per_minute(now)
        say(
            f"{seen.backfill.count('success')} of {seen.total} periods done"
            + (f", {rate:.1f} a minute" if rate else "")
        )
        for failure in seen.failures:
            say(f"failed: {failure}")
    if seen.failures:
        if not as_json:
            say("Correct the cause, then start the same backfill again. It runs only the unfinished periods.")
        raise typer.Exit(1)


def watched(
    api: Airflow, backfill_id: str, lake: Lake, *, as_json: bool, on_look: Callable[[], object] = lambda: None
) -> progress.BackfillProgress:
    """Watch a backfill until it is over, with a bar for a person. `on_look` is called at each look."""
    seen = progress.look(api, backfill_id, lake)
    if not as_json:
        return _bar(api, backfill_id, lake, seen, on_look)
    while not seen.backfill.is_over:
        on_look()
        time.sleep(_EVERY)
        seen = progress.look(api, backfill_id, lake)
    return seen


def _bar(
    api: Airflow, backfill_id: str, lake: Lake, seen: progress.BackfillProgress, on_look: Callable[[], object]
) -> progress.BackfillProgress:
    console, shown = Console(), ""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(backfill_id.partition("/")[0], total=seen.total, note="")
        while True:
            note, lines = (
                _note(seen),
                "\n".join((*seen.running, *seen.waiting, *(f"failed: {x}" for x in seen.failures))),
            )
            bar.update(task, completed=seen.done, note=note)
            if lines != shown:
                console.print(f"{note}\n{lines}" if lines else note, highlight=False, markup=False)
                shown = lines
            if seen.backfill.is_over:
                return seen
            on_look()
            time.sleep(_EVERY)
            seen = progress.look(api, backfill_id, lake)


def _note(seen: progress.BackfillProgress) -> str:
    now = datetime.now(UTC)
    rate, left = seen.per_minute(now), seen.time_left(now)
    parts = [f"{seen.done:.0f} of {seen.total} periods"]
    parts += [f"{rate:.1f} a minute"] if rate else []
    parts += [f"{int(left.total_seconds() // 60)} min {int(left.total_seconds() % 60)} s left"] if left else []
    return ", ".join(parts)
