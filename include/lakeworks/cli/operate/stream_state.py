"""`lakeworks stream status`, `reconcile` and `close`: a stream's shards, its live view, and its open hour."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from lakeworks.cli.arguments import AsJson
from lakeworks.cli.connection import client, connect
from lakeworks.cli.operate.stream import StreamArgument
from lakeworks.cli.output import Layout, emit, emit_one, say
from lakeworks.cli.progress import waiting
from lakeworks.core.partition import Period
from lakeworks.loading import load_rows
from lakeworks.streaming.checkpoint_table import CheckpointTable
from lakeworks.streaming.live.live_view import LiveView
from lakeworks.streaming.live.published_rows import PublishedRows
from lakeworks.streaming.live.reconciliation import reconcile
from lakeworks.streaming.stream_place import StreamPlace, find_stream
from lakeworks.streaming.windows import close_hour

_DIFFERS = 1
_SUM_COLUMNS = (
    "kind", "shop_hour", "currency", "live_events", "published_events", "live_amount", "published_amount", "differs", "reason",
)  # fmt: skip
_EVENT_COLUMNS = ("shop_hour", "currency", "event_id", "event_amount", "reason")


def reconcile_stream(
    name: StreamArgument,
    day: Annotated[str, typer.Argument(help="Day by the shop's own clock, 2026-11-29.", show_default=False)],
    write: Annotated[
        str | None,
        typer.Option(
            help="Publish the comparison as the day's rows of this table.", metavar="TABLE", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare the live view with the published tables.

    Hours are compared with the stream's own sums, the day with the batch's. Events that explain a difference follow. Exit
    code 1 if an hour differs, or the day by more than its events explain.
    """
    view, key = LiveView.of(client("dynamodb"), find_stream(name)), str(Period.parse(day, "day"))
    lake = connect()
    with waiting("Comparing the live view with the published tables"):
        result = reconcile(view, key, PublishedRows(lake, key))
    if write and result.rows:
        with waiting(f"Publishing {write} {key}"):
            load_rows(write, key, result.rows, name="reconciliation", lake=lake)
    if as_json:
        emit(result.rows, as_json=True)
    else:
        emit(
            [{column: row.get(column) for column in _SUM_COLUMNS} for row in result.sums],
            as_json=False,
            title=f"{name} {key}: live view and published tables",
        )
        if result.events:
            rows = [{column: row.get(column) for column in _EVENT_COLUMNS} for row in result.events]
            emit(rows, as_json=False, title="Events that explain the differences")
    raise typer.Exit(_DIFFERS if result.differs else 0)


def show_stream(name: StreamArgument, as_json: AsJson = False) -> None:
    """Show a stream's shards: owner, lag, and what has landed."""
    place = find_stream(name)
    with waiting("Reading checkpoints"):
        shards = sorted(_table(place).all().values(), key=lambda one: one.shard)
    rows: list[dict[str, Any]] = [
        {
            "shard": one.shard,
            "owner": one.owner,
            "behind_seconds": one.behind_ms / 1000,
            "records": one.totals.records,
            "problems": one.totals.problems,
            "objects": one.totals.objects,
            "closed_through": one.closed_through,
            "state": "finished" if one.finished else "owned" if one.owner else "free",
        }
        for one in shards
    ]
    emit(rows, as_json=as_json, title=f"{place.kinesis_name}: shards", layout=Layout(extra=("owner", "objects")))


def close_stream_hour(
    name: StreamArgument,
    hour: Annotated[
        str | None, typer.Argument(help="Hour of arrival in UTC, 2026-11-29T14; by default the current one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Close an hour before it is over, so that its run need not wait.

    What lands later belongs to the next hour; no record is lost. For a demonstration, or before a stream is deleted.
    """
    place = find_stream(name)
    now = datetime.now(UTC)
    period = Period.parse(hour, "hour") if hour else Period.containing(now, "hour")
    with waiting("Closing the hour"):
        closed = close_hour(_table(place), period, now)
    if as_json:
        emit_one({"stream": name, "hour": str(period), "shards": closed})
    else:
        say(f"{closed} shards of {name} are closed up to {period.next}. Publish the hour: DAG run with key {period}.")


def _table(place: StreamPlace) -> CheckpointTable:
    return CheckpointTable(client("dynamodb"), place.checkpoints, place.kinesis_name)
