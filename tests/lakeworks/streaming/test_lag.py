"""Lag of a stream by its checkpoints, and hours that a person closes early."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lakeworks.core.partition import Period
from lakeworks.errors import ConfigError, NotPublishedYet, StreamUnavailable
from lakeworks.freshness.streams import stream_age
from lakeworks.streaming.checkpoint import Checkpoint, Window
from lakeworks.streaming.lag import lag_of, stream_lags
from lakeworks.streaming.shard_ingest import BatchPolicy
from lakeworks.streaming.stream_place import StreamPlace
from lakeworks.streaming.windows import close_hour
from tests.lakeworks.streaming.conftest import Shop

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def shard(name: str, closed: datetime | None = NOON, **changes: object) -> Checkpoint:
    return replace(Checkpoint("s", name, owner="w", closed_through=closed.isoformat() if closed else ""), **changes)  # type: ignore[arg-type]


def by_name(*shards: Checkpoint) -> dict[str, Checkpoint]:
    return {one.shard: one for one in shards}


def test_the_slowest_open_shard_says_how_far_the_stream_has_landed() -> None:
    lag = lag_of(
        "shop",
        by_name(shard("a", behind_ms=1500), shard("b", NOON - MINUTE), shard("c", NOON - 60 * MINUTE, finished=True)),
    )
    assert (lag.closed_through, lag.behind_seconds, lag.shards) == (NOON - MINUTE, 1.5, 2)
    assert lag.slowest == "b, owned by w"


def test_a_child_that_waits_for_its_parent_is_as_late_as_the_parent() -> None:
    parent, child = shard("a", NOON), shard("b", None, parents=("a",), owner="")
    assert lag_of("shop", by_name(parent, child)).closed_through == NOON
    assert lag_of("shop", by_name(shard("a", None))).closed_through is None, "never read"
    assert lag_of("shop", {}).closed_through is None


def test_a_dead_consumer_makes_the_stream_late_though_it_reports_no_lag() -> None:
    """`MillisBehindLatest` of a process that died stays at 0; the time up to which all has landed does not move on."""
    ages = [stream_age("shop", NOON, 15 * MINUTE, NOON + minutes * MINUTE) for minutes in (14, 16, 40)]
    assert [one.state for one in ages] == ["fresh", "late", "late"]
    assert (ages[1].table, ages[1].overdue) == ("stream.shop", ("2026-01-05T12",))
    assert ages[1].overdue == ages[2].overdue, "one alert, not one a look"
    assert stream_age("shop", None, 15 * MINUTE, NOON).state == "never published"
    assert stream_age("shop", None, 15 * MINUTE, NOON, "no table").state == "unreadable"


def test_a_stream_that_cannot_be_read_does_not_hide_the_others(shop: Callable[..., Shop]) -> None:
    here = shop()
    here.put({"event_id": "a"})
    here.finish()
    gone = StreamPlace("gone", "gone", "gone-checkpoints", None, "commerce")
    lags = {one.name: one for one in stream_lags(here.dynamodb, [gone, here.place])}
    assert "There is no DynamoDB table `gone-checkpoints`" in lags["gone"].fault
    assert lags["shop"].closed_through


def test_an_hour_that_is_closed_early_takes_no_more_records_and_none_is_lost(shop: Callable[..., Shop]) -> None:
    """The consumer held a record when its shard was closed: it loses the lease, takes the shard again and lands it later."""
    here = shop()
    hour = Period.containing(datetime.now(UTC), "hour")
    with pytest.raises(NotPublishedYet, match="No consumer ever read"):
        close_hour(here.table, hour, datetime.now(UTC))
    here.put({"event_id": "a"})
    here.finish()
    consumer = here.consumer(policy=BatchPolicy(age_seconds=3600))
    here.put({"event_id": "held"})
    consumer.turn()
    assert close_hour(here.table, hour, datetime.now(UTC)) == 1
    with pytest.raises(ConfigError, match="has not begun"):
        close_hour(here.table, hour.next.next, datetime.now(UTC))
    for _ in range(3):
        consumer.turn()
    here.put({"event_id": "later"})
    here.finish(consumer)
    assert [line["event_id"] for line in here.landed()] == ["a", "held", "later"]
    hours = [
        key.partition("/hour=")[2][:2] for key in sorted(here.objects(), key=lambda key: key.partition("/year=")[2])
    ]
    assert hours == [f"{hour.start:%H}", f"{hour.end:%H}"], "held and later are one batch of the next hour"


def test_between_a_split_and_its_children_an_hour_is_closed_later(shop: Callable[..., Shop]) -> None:
    """It was called a stream that no consumer ever read."""
    here = shop()
    here.put({"event_id": "a"})
    here.finish()
    (one,) = here.table.all().values()
    here.table.save(one, one.next_write(finished=True))
    with pytest.raises(StreamUnavailable, match="no consumer has taken the shards that follow"):
        close_hour(here.table, Period.containing(datetime.now(UTC), "hour"), datetime.now(UTC))


def test_a_shard_between_two_steps_of_a_batch_is_not_closed(shop: Callable[..., Shop]) -> None:
    here = shop()
    here.put({"event_id": "a"})
    here.finish()
    (one,) = here.table.all().values()
    here.table.save(one, one.next_write(window=Window("1", "2", 1, "2026-01-05T00")))
    waits: list[float] = []
    with pytest.raises(StreamUnavailable, match="between two steps of a batch"):
        close_hour(here.table, Period.containing(datetime.now(UTC), "hour"), datetime.now(UTC), waits.append)
    assert sum(waits) == 10
