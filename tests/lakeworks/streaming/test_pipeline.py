"""From put to gold: hours that are closed are published, every record is counted, and a replay gives the same bytes."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import NotPublishedYet
from lakeworks.infrastructure.aws_partition import LakeLocation
from lakeworks.infrastructure.resources.streams.delivery_stream import DeliveryStream
from lakeworks.infrastructure.stream_config import LiveViewConfig, StreamDelivery
from lakeworks.lake import Lake
from lakeworks.landing.inbox import LakeInbox
from lakeworks.landing.quota import LakeState
from lakeworks.ledger.run_record import Run, RunRecord
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.sources import SourceConnection, open_source
from lakeworks.streaming.live.live_view import LiveView
from lakeworks.streaming.live.published_rows import PublishedRows
from lakeworks.streaming.live.reconciliation import Reconciliation, reconcile
from lakeworks.streaming.stream_record import StreamRecord
from lakeworks.streaming.windows import LandedWindows
from tests.conftest import client
from tests.lakeworks.streaming.conftest import Shop
from tests.support.firehose import Firehose

BRONZE, SILVER, GOLD = "bronze.commerce.stream_events", "silver.commerce.events", "gold.commerce.hourly_sales"
SESSIONS, DROPPED = "gold.commerce.sessions", "bronze.commerce.events"


@pytest.fixture
def here(shop: Callable[..., Shop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    found = shop(2)
    found.place = found.place.__class__(**{**vars(found.place), "name": "commerce"})
    config = tmp_path / "lake.yml"
    config.write_text(f"streams: [{{name: commerce, kinesis_name: {found.stream.name}}}]\n")
    monkeypatch.setenv("LAKE_CONFIG_FILE", str(config))
    return found


@pytest.fixture
def of_stream(here: Shop, lake: Lake) -> Lake:
    """The lake that the consumer lands in."""
    return Lake(here.store, lake.catalog, lake.engine, lake.scratch)


def event(number: int, at: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": f"{number}-placed", "event_type": "order_placed", "occurred_at": at.isoformat(timespec="seconds"),
        "order_id": number, "customer_id": 900 + number % 3, "location_id": 367, "channel": "pos", "amount": "0.10",
        "currency": "USD", **changes,
    }  # fmt: skip


def run(lake: Lake, here: Shop, period: Period, number: int) -> dict[str, RunRecord]:
    """What the DAG does for an hour; the audit has tests of its own."""
    this = Run(id=f"run-{number}", started_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number))
    windows = LandedWindows(lake.store, lambda: here.dynamodb)
    land(lake, load_contract(BRONZE), period, this, open_source("stream", access=SourceConnection(windows=windows)))
    return {table: build(lake, table, period, this) for table in (BRONZE, SILVER, GOLD, SESSIONS)}


def build(lake: Lake, table: str, period: Period, this: Run) -> RunRecord:
    staged = write(lake, table, period, this)
    return publish(lake, staged.model_copy(update={"audit": {"passed": True}}).save(lake.store).key)


def drop(lake: Lake, period: Period, number: int, *events: dict[str, Any]) -> None:
    """What the DAG of dropped files does for a day."""
    lines = "".join(f"{json.dumps(one)}\n" for one in events)
    lake.store.put(f"inbox/commerce_events/{period}/till-{number}.jsonl", lines.encode())
    fetched(lake, period, number)


def fetched(lake: Lake, period: Period, number: int) -> RunRecord:
    """Take the day's files of the inbox to bronze."""
    this = Run(id=f"drop-{number}", started_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number))
    access = SourceConnection(state=LakeState(lake.store), inbox=LakeInbox(lake.store))
    land(lake, load_contract(DROPPED), period, this, open_source("file_drop", access=access))
    return build(lake, DROPPED, period, this)


def close(here: Shop, until: datetime) -> None:
    """Consume everything; then let the hour be over for every shard, as a consumer does once Kinesis's clock is past it."""
    here.finish()
    for one in here.table.all().values():
        here.table.save(one, one.next_write(closed_through=until.isoformat()))


def live(lake: Lake, table: str) -> dict[str, str]:
    return {part.path: entry.content for part, entry in lake.ledger.live_partitions(load_contract(table).table).items()}


def test_an_hour_is_published_once_it_is_closed_and_every_record_is_counted(here: Shop, of_stream: Lake) -> None:
    now = datetime.now(UTC)
    hour = Period.containing(now, "hour")
    with pytest.raises(NotPublishedYet, match="No consumer ever read stream `commerce`"):
        run(of_stream, here, hour, 1)
    good = [event(number, now) for number in range(20)]
    late = event(20, now - timedelta(hours=30))
    twice, changed = good[3], {**good[4], "amount": "9.99"}
    for one in (*good, late):
        here.put(one, key=str(one["customer_id"]))
    # the same keys, so that they arrive after the first ones
    here.put(twice, key=str(twice["customer_id"]))
    here.put(changed, key=str(changed["customer_id"]))
    here.put(event(21, now + timedelta(days=365)), event(22, now, location_id=1), b"no json", b"\xff")
    here.put(event(23, now, order_id="seven"))
    here.finish()
    with pytest.raises(NotPublishedYet, match="2 of 2 shards of stream `commerce` are not past"):
        run(of_stream, here, hour, 1)
    close(here, hour.end)
    made = run(of_stream, here, hour, 1)
    bronze, silver = made[BRONZE].balance, made[SILVER].balance
    put = sum(one.totals.records for one in here.table.all().values())
    assert (put, bronze.read, bronze.staged, bronze.quarantined) == (28, 28, 27, 1), "an order number that is no number"
    assert (silver.read, silver.staged, silver.deduplicated, silver.quarantined) == (27, 21, 1, 5)
    assert put == silver.staged + silver.deduplicated + silver.quarantined + bronze.quarantined
    assert {"same_content": 1, "location_id_allowed": 1, "is_an_event": 2}.items() <= silver.broken.items()
    assert len(live(of_stream, SILVER)) == 2, "the late event's hour too"
    facts = json.loads(next(
        of_stream.store.get(item.key)[0] for item in of_stream.store.scan("landing/commerce/stream/commerce/") if item.key.endswith("_set.json")
    ))["facts"]  # fmt: skip
    assert facts["records"] == "28"


def test_a_replay_of_the_stream_from_landing_gives_the_same_bytes(here: Shop, of_stream: Lake) -> None:
    now = datetime.now(UTC)
    hour = Period.containing(now, "hour")
    here.put(*(event(number, now) for number in range(12)), b"no json", key="k")
    close(here, hour.end)
    run(of_stream, here, hour, 1)
    before = {table: live(of_stream, table) for table in (BRONZE, SILVER, GOLD, SESSIONS)}
    here.stream.kinesis.delete_stream(StreamName=here.stream.name)
    again = run(of_stream, here, hour, 2)
    assert {table: live(of_stream, table) for table in (BRONZE, SILVER, GOLD, SESSIONS)} == before
    assert {name: record.outcome for name, record in again.items()} == {name: {"unchanged": 1} for name in again}


def test_an_hour_in_which_nothing_came_is_no_error(here: Shop, of_stream: Lake) -> None:
    now = datetime.now(UTC)
    here.put(event(1, now))
    close(here, now + timedelta(hours=3))
    made = run(of_stream, here, Period.containing(now + timedelta(hours=1), "hour"), 1)
    assert [record.balance.read for record in made.values()] == [0, 0, 0, 0]


QUERY = (
    "SELECT sales_date AS day, sales_hour AS hour, currency, event_count AS events, net_amount AS amount "
    "FROM gold_commerce.hourly_sales"
)
EVENTS = "SELECT sales_date AS day, sales_hour AS hour, currency, event_id, amount FROM silver_commerce.events"


def test_the_live_view_agrees_with_gold_whatever_is_repeated(here: Shop, of_stream: Lake) -> None:
    now = datetime.now(UTC)
    hour = Period.containing(now, "hour")
    config = LiveViewConfig(compare_with=QUERY, events_from=EVENTS, only={"location_id": (367,)})
    view = LiveView(here.dynamodb, str(here.place.live_view), config, timedelta(days=8))
    sold = [event(number, now) for number in range(6)]
    back = event(7, now, event_id="2-refunded", event_type="order_refunded", amount="-0.10")
    here.put(
        *sold, sold[1], back, event(8, now, location_id=1), event(9, now + timedelta(days=400)), b"no json", key="k"
    )

    def twice(shard: str, records: Sequence[StreamRecord], /) -> None:
        view(shard, records)
        view(shard, records)

    here.finish(here.consumer(after_landing=twice))
    close(here, hour.end)
    run(of_stream, here, hour, 1)
    same = compared(of_stream, view, now)
    (row,) = same.sums
    assert (row["live_events"], row["live_amount"], row["differs"]) == (7, Decimal("0.50"), False)
    assert (same.events, same.differs) == ([], False)
    view("shard", [StreamRecord("1", now, "k", json.dumps(event(10, now)).encode())])
    other = compared(of_stream, view, now)
    (row,) = other.sums
    assert (row["live_events"], row["published_events"], row["differs"]) == (8, 7, True)
    (cause,) = other.events
    assert (cause["event_id"], cause["event_amount"], cause["reason"]) == ("10-placed", Decimal("0.10"), "only counted")


def compared(lake: Lake, view: LiveView, now: datetime) -> Reconciliation:
    return reconcile(view, f"{now:%Y-%m-%d}", PublishedRows(lake, f"{now:%Y-%m-%d}"))


def test_an_event_id_of_another_hour_is_another_event_for_both(here: Shop, of_stream: Lake) -> None:
    """Silver knows an event by its id and its hour; a live view that knew it by its id alone differed for ever."""
    now = datetime.now(UTC)
    before = now - timedelta(hours=1)
    view = LiveView(here.dynamodb, str(here.place.live_view), LiveViewConfig(compare_with=QUERY), timedelta(days=8))
    here.put(event(1, now), {**event(1, before), "amount": "0.30"}, key="k")
    here.finish(here.consumer(after_landing=view))
    close(here, Period.containing(now, "hour").end)
    run(of_stream, here, Period.containing(now, "hour"), 1)
    for day in {now.date(), before.date()}:
        assert not reconcile(view, str(day), PublishedRows(of_stream, str(day))).differs


def test_events_that_are_streamed_and_delivered_by_firehose_count_once(
    here: Shop, of_stream: Lake, moto_url: str
) -> None:
    """Firehose is at least once: here it delivers everything twice, beside the stream, with a record that is no event."""
    now = datetime.now(UTC)
    hour, day = Period.containing(now, "hour"), Period.containing(now, "day")
    last = day.split("hour")[-1]
    role, place = (
        "arn:aws:iam::123456789012:role/firehose",
        LakeLocation(here.store.bucket, "us-east-1", "123456789012"),
    )
    declared = DeliveryStream("d", here.stream.name, place, StreamDelivery(dataset="commerce_events", role_arn=role))
    declared = replace(declared, name=f"{here.stream.name}-inbox")
    firehose = client("firehose", moto_url)
    declared.write(firehose, declared.desired())
    here.put(*(event(number, now) for number in range(30)), b"no json", key="k")
    close(here, last.end)
    run(of_stream, here, hour, 1)
    before = {table: live(of_stream, table) for table in (SILVER, GOLD, SESSIONS)}
    delivering = Firehose(firehose, here.stream.kinesis, client("s3", moto_url), declared.name)
    keys = [*delivering.deliver(10), *delivering.deliver(12)]
    assert len(keys) == 4 + 3, "several records a file, and packed"
    assert {key.rpartition("/")[0] for key in keys} == {f"inbox/commerce_events/{day}"}
    bronze = fetched(of_stream, day, 2).balance
    assert (bronze.read, bronze.staged) == (62, 62)
    silver = run(of_stream, here, last, 3)[SILVER].balance
    assert (silver.read, silver.staged, silver.deduplicated, silver.quarantined) == (93, 30, 60, 3)
    assert {table: live(of_stream, table) for table in (SILVER, GOLD, SESSIONS)} == before, "each event is the stream's"


def test_dropped_and_streamed_events_are_one_silver(here: Shop, of_stream: Lake) -> None:
    """A till that was offline drops a file: what the stream has already is a duplicate, the rest is added to its hour."""
    now = datetime.now(UTC)
    hour = Period.containing(now, "hour")
    day = Period.containing(now, "day")
    last = day.split("hour")[-1]
    here.put(event(1, now), event(2, now), key="k")
    close(here, last.end)
    run(of_stream, here, hour, 1)
    drop(of_stream, day, 2, event(2, now), event(3, now), event(4, now - timedelta(days=40)))
    made = run(of_stream, here, last, 3)
    silver = made[SILVER].balance
    assert (silver.read, silver.staged, silver.deduplicated) == (5, 4, 1)
    rows = PublishedRows(of_stream, str(day))(
        "SELECT event_id, shard FROM silver_commerce.events ORDER BY event_id", 60
    )
    assert [(row["event_id"], row["shard"] == "file") for row in rows] == [
        ("1-placed", False), ("2-placed", False), ("3-placed", True), ("4-placed", True)
    ]  # fmt: skip
    before = {table: live(of_stream, table) for table in (SILVER, GOLD, SESSIONS)}
    again = [run(of_stream, here, period, 4 + number) for number, period in enumerate((last, hour))]
    assert {table: live(of_stream, table) for table in (SILVER, GOLD, SESSIONS)} == before, "in whatever order"
    assert again[0][SILVER].outcome == {"unchanged": 2}
