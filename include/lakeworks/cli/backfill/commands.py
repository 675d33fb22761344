"""`lakeworks backfill`: plan, start, watch, pause, resume, cancel; by Airflow's own API (LAKE_AIRFLOW_URL)."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from lakeworks.airflow_api import Airflow
from lakeworks.backfill import runs
from lakeworks.backfill.plan import Plan
from lakeworks.backfill.range_plan import plan_range, read_for
from lakeworks.cli.arguments import AsJson
from lakeworks.cli.backfill.view import follow, show_plan
from lakeworks.cli.connection import connect, connect_live
from lakeworks.cli.output import emit, emit_one, say
from lakeworks.cli.progress import waiting
from lakeworks.errors import ConfigError
from lakeworks.settings import current_settings

DagArgument = Annotated[str, typer.Argument(help="the DAG, e.g. market", show_default=False)]
FirstRequired = Annotated[str, typer.Option("--from", help="first month or day, e.g. 2019-01", show_default=False)]
LastRequired = Annotated[str, typer.Option("--to", help="last month or day, included", show_default=False)]
ChunkOption = Annotated[
    str | None,
    typer.Option(
        "--chunk", help="length of one run: day, month, year or all; default: month, or year for monthly tables"
    ),
]
Again = Annotated[bool, typer.Option("--again", help="run finished periods again")]
BackfillArgument = Annotated[
    str, typer.Argument(help="name of the backfill, as `backfill list` shows it", show_default=False)
]


def plan_backfill(
    dag: DagArgument,
    first: FirstRequired,
    last: LastRequired,
    chunk: ChunkOption = None,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Show what is missing and the runs that would fill it.

    Starts nothing. Shows each table's partitions, the requests to each vendor and the days they take.
    """
    with waiting("Comparing the range with what is published"):
        plan = _plan(airflow(), dag, first, last, chunk, again)
    if as_json:
        emit_one(plan.as_dict())
    else:
        show_plan(plan)


def start_backfill(  # noqa: PLR0913, PLR0917 - each is an option of the command
    dag: DagArgument,
    first: FirstRequired,
    last: LastRequired,
    chunk: ChunkOption = None,
    again: Again = False,
    backwards: Annotated[bool, typer.Option("--backwards", help="start with the newest chunk")] = False,
    unpause: Annotated[bool, typer.Option("--unpause", help="unpause the DAG; runs of its schedule begin too")] = False,
    watch_it: Annotated[bool, typer.Option("--watch", help="show its progress until it is over")] = False,
    as_json: AsJson = False,
) -> None:
    """Start the runs of what is missing, failed or stale.

    Start it again to continue: it plans only what is left.
    """
    api = airflow()
    with waiting("Comparing the range with what is published"):
        plan = _plan(api, dag, first, last, chunk, again)
    if plan.dag.paused and not unpause:
        raise ConfigError(
            f"`{dag}` is paused, so its runs would wait. Nothing was started. Add --unpause; runs of its schedule "
            "then start too."
        )
    if not as_json:
        show_plan(plan)
    if not plan.runs:
        if as_json:
            emit_one({"backfill": None, "runs": 0, "under_way": [str(item) for item in plan.under_way]})
        return
    with waiting("Starting runs"):
        begun = runs.start(api, plan, datetime.now(UTC), backwards=backwards)
    if plan.dag.paused:  # only now, so that scheduled runs queue behind these
        api.call("PATCH", f"dags/{dag}", json={"is_paused": False})
    if watch_it:
        follow(api, begun.id, connect(), as_json=as_json)
    elif as_json:
        emit_one(begun.as_dict())
    else:
        say(f"started {begun.id}\nwatch it: lakeworks backfill watch {begun.id}")


def watch_backfill(backfill: BackfillArgument, as_json: AsJson = False) -> None:
    """Show progress, rate and time left until the end.

    Exit code 1 if a run failed. Ctrl-C ends the watching, not the backfill.
    """
    follow(airflow(), backfill, connect_live(), as_json=as_json)


def list_backfills(
    dag: Annotated[str | None, typer.Argument(help="only of this DAG")] = None, as_json: AsJson = False
) -> None:
    """List backfills, newest first."""
    with waiting("Asking Airflow"):
        known = runs.known(airflow(), dag or "~")
    emit([item.as_dict() for item in known], as_json=as_json, title="Backfills")


def pause_backfill(backfill: BackfillArgument) -> None:
    """Pause a backfill: no further run begins.

    Pauses the DAG, so the runs of its schedule wait too.
    """
    api = airflow()
    with waiting("Pausing"):
        started = runs.find(api, backfill)
        runs.hold(api, started, paused=True)
    say(
        f"paused: {started.count('queued')} periods wait, {started.count('running')} finish. Scheduled runs "
        f"of `{started.dag_id}` wait too. Continue: lakeworks backfill resume {backfill}"
    )


def resume_backfill(backfill: BackfillArgument) -> None:
    """Resume a paused backfill."""
    api = airflow()
    with waiting("Resuming"):
        started = runs.find(api, backfill)
        runs.hold(api, started, paused=False)
    say(f"resumed: {started.count('queued')} periods wait for their turn.")


def cancel_backfill(backfill: BackfillArgument) -> None:
    """Cancel the runs that have not begun.

    Running ones end normally. What is published stays.
    """
    api = airflow()
    with waiting("Cancelling"):
        before = runs.find(api, backfill)
        after = runs.cancel(api, before)
    say(
        f"cancelled: {before.count('queued') - after.count('queued')} periods will not run; "
        f"{after.count('running')} run to their end, {after.count('success')} are done. Repeat the same "
        "`lakeworks backfill start` to run the rest later."
    )


def airflow() -> Airflow:
    """Return the Airflow of this environment.

    Raises:
        ConfigError: LAKE_AIRFLOW_URL is not set.
    """
    address = current_settings().airflow_url
    if address is None:
        raise ConfigError(
            "Airflow runs backfills, and LAKE_AIRFLOW_URL is not set. Nothing was started. Set it to "
            "https://user:password@host (`make up` writes it into stack.env)."
        )
    return Airflow(address.get_secret_value())


def _plan(api: Airflow, dag_id: str, first: str, last: str, chunk: str | None, again: bool) -> Plan:
    lake = connect()
    return plan_range(api, lake, read_for(api, lake, dag_id), first, last, chunk, again=again)
