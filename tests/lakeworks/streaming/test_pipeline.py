"""From put to gold: hours that are closed are published, every record is counted, and a replay gives the same bytes."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import NotPublishedYet
from lakeworks.infrastructure.stream_config import LiveViewConfig
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run, RunRecord
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.sources import SourceConnection, open_source
from lakeworks.streaming.live.live_view import LiveView
from lakeworks.streaming.live.reconciliation import reconciled
from lakeworks.streaming.stream_record import StreamRecord
from lakeworks.streaming.windows import LandedWindows
from tests.lakeworks.streaming.conftest import Shop

BRONZE, SILVER, GOLD = "bronze.commerce.stream_events", "silver.commerce.events", "gold.commerce.hourly_sales"


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
    made = {}
    for table in (BRONZE, SILVER, GOLD):
        staged = write(lake, table, period, this)
        made[table] = publish(lake, staged.model_copy(update={"audit": {"passed": True}}).save(lake.store).key)
    return made


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
    before = {table: live(of_stream, table) for table in (BRONZE, SILVER, GOLD)}
    here.stream.kinesis.delete_stream(StreamName=here.stream.name)
    again = run(of_stream, here, hour, 2)
    assert {table: live(of_stream, table) for table in (BRONZE, SILVER, GOLD)} == before
    assert {name: record.outcome for name, record in again.items()} == {name: {"unchanged": 1} for name in again}


def test_an_hour_in_which_nothing_came_is_no_error(here: Shop, of_stream: Lake) -> None:
    now = datetime.now(UTC)
    here.put(event(1, now))
    close(here, now + timedelta(hours=3))
    made = run(of_stream, here, Period.containing(now + timedelta(hours=1), "hour"), 1)
    assert [record.balance.read for record in made.values()] == [0, 0, 0]


QUERY = (
    "SELECT sales_date AS day, sales_hour AS hour, currency, event_count AS events, net_amount AS amount "
    "FROM gold_commerce.hourly_sales"
)


def test_the_live_view_agrees_with_gold_whatever_is_repeated(here: Shop, of_stream: Lake) -> None:
    now = datetime.now(UTC)
    hour = Period.containing(now, "hour")
    config = LiveViewConfig(compare_with=QUERY, only={"location_id": (367,)})
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
    (row,) = reconciled(of_stream, view, f"{now:%Y-%m-%d}")
    assert (row["live_events"], row["live_amount"], row["differs"]) == (7, Decimal("0.50"), False)
    view("shard", [StreamRecord("1", now, "k", json.dumps(event(10, now)).encode())])
    (row,) = reconciled(of_stream, view, f"{now:%Y-%m-%d}")
    assert (row["live_events"], row["published_events"], row["differs"]) == (8, 7, True)
