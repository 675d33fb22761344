"""Enhanced fan-out against a server of ours that speaks Kinesis's protocol, because no emulator pushes records."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lakeworks.errors import ConfigError, LakeNotFound, StreamUnavailable
from lakeworks.s3.object_store import ObjectStore
from lakeworks.streaming.consumer import Consumer
from lakeworks.streaming.fan_out.fan_out_reader import FanOutReader, find_consumer
from tests.conftest import client
from tests.lakeworks.streaming.conftest import Shop, Stream, new_shop
from tests.support.kinesis_server import KinesisState, serving


@pytest.fixture
def state() -> KinesisState:
    found = KinesisState(f"s-{uuid.uuid4().hex[:8]}")
    found.answer("RegisterStreamConsumer", {"ConsumerName": "lakeworks"})
    return found


@pytest.fixture
def kinesis(state: KinesisState) -> Iterator[Any]:
    with serving(state) as url:
        yield client("kinesis", url)


@pytest.fixture
def here(state: KinesisState, kinesis: Any, store: ObjectStore, moto_url: str) -> Shop:
    return new_shop(Stream(state.stream, kinesis), store, moto_url)


def pushed(here: Shop, **changes: Any) -> Consumer:
    """A consumer that Kinesis pushes to."""
    return here.consumer(
        shards={"consumer_arn": find_consumer(here.stream.kinesis, here.stream.name, "lakeworks")}, **changes
    )


def until(consumer: Consumer, is_so: Callable[[], bool], patience: float = 60) -> None:
    """Let the consumer turn until something is so."""
    deadline = time.monotonic() + patience
    while not is_so():
        consumer.turn()
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.01)


def ids(here: Shop) -> list[str]:
    return [line["event_id"] for line in here.landed()]


def test_pushed_records_land_once_and_a_subscription_that_ends_is_renewed(state: KinesisState, here: Shop) -> None:
    state.subscription_seconds = 0.3
    state.add(1)
    shard = next(iter(state.shards))
    consumer = pushed(here)
    state.put(shard, *(json.dumps({"event_id": str(number)}).encode() for number in range(7)))
    until(consumer, lambda: len(here.landed()) == 7)
    until(consumer, lambda: len(state.subscribed) > 1)
    state.put(shard, b'{"event_id": "7"}')
    until(consumer, lambda: len(here.landed()) == 8)
    consumer.drain()
    assert ids(here) == [str(number) for number in range(8)]
    second = state.subscribed[1]["StartingPosition"]
    assert second == {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": "7"}, "it goes on where the first ended"
    assert state.subscribed[0]["StartingPosition"] == {"Type": "TRIM_HORIZON"}


def test_the_children_of_a_split_shard_are_followed_after_it_has_landed(state: KinesisState, here: Shop) -> None:
    state.add(1)
    (shard,) = list(state.shards)
    consumer = pushed(here)
    state.put(shard, *(json.dumps({"event_id": f"a{number}"}).encode() for number in range(5)))
    until(consumer, lambda: len(here.landed()) >= 3)
    for child in state.split(shard):
        state.put(child, json.dumps({"event_id": child}).encode())
    until(consumer, lambda: len(here.landed()) == 7)
    consumer.drain()
    known = here.table.all()
    assert (known[shard].finished, len(known)) == (True, 3)
    assert sorted(ids(here))[:5] == [f"a{number}" for number in range(5)]


def test_a_broken_connection_loses_and_doubles_nothing(state: KinesisState, here: Shop) -> None:
    state.add(1, records=20)
    state.breaks = 3
    consumer = pushed(here)
    until(consumer, lambda: len(here.landed()) == 20)
    consumer.drain()
    assert ids(here) == [str(number) for number in range(1, 21)]
    assert state.breaks == 0


def test_another_process_that_subscribes_takes_the_shard_and_nothing_lands_twice(
    state: KinesisState, here: Shop
) -> None:
    state.add(1, records=10)
    first, second = pushed(here), pushed(here)
    until(first, lambda: len(here.landed()) >= 3)
    until(second, lambda: len(second.owned) == 1)
    state.put(next(iter(state.shards)), b'{"event_id": "11"}')
    until(second, lambda: len(here.landed()) == 11)
    first.drain()
    second.drain()
    assert ids(here) == [str(number) for number in range(1, 12)]


def test_a_batch_that_was_fixed_before_a_crash_is_read_again_by_asking(state: KinesisState, here: Shop) -> None:
    state.add(1, records=6)

    class Crash(Exception):
        """The process dies here."""

    class DyingStore:
        def __getattr__(self, name: str) -> Any:
            return getattr(here.store, name)

        def put(self, *_: Any, **__: Any) -> None:
            raise Crash

    consumer = pushed(here, store=DyingStore())
    with pytest.raises(Crash):
        until(consumer, lambda: False)
    for one in consumer.owned.values():
        one.reader.close()
    (left,) = here.table.all().values()
    assert left.window is not None
    again = pushed(here)
    until(again, lambda: len(here.landed()) == 6)
    again.drain()
    assert ids(here) == [str(number) for number in range(1, 7)]


def test_a_consumer_that_is_not_registered_and_a_refusal_are_said_with_the_next_step(
    state: KinesisState, kinesis: Any
) -> None:
    with pytest.raises(ConfigError, match="has no registered consumer `other`.*bootstrap"):
        find_consumer(kinesis, state.stream, "other")
    state.consumers["lakeworks"]["ConsumerStatus"] = "DELETING"
    with pytest.raises(ConfigError, match="in state DELETING"):
        find_consumer(kinesis, state.stream, "lakeworks")
    reader = FanOutReader(kinesis, state.stream, "shardId-9", "", f"{state.arn}/consumer/none:1")
    with pytest.raises(LakeNotFound):
        waited_for(reader)


def test_an_endpoint_that_cannot_push_is_an_error_and_not_an_empty_shard(moto_url: str) -> None:
    kinesis = client("kinesis", moto_url)
    reader = FanOutReader(
        kinesis, "s", "shardId-000000000000", "", "arn:aws:kinesis:us-east-1:123456789012:stream/s/consumer/c:1"
    )
    with pytest.raises((StreamUnavailable, LakeNotFound)):
        waited_for(reader)


def waited_for(reader: FanOutReader) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        reader.read()
        time.sleep(0.01)


def test_a_shard_that_lags_is_never_called_caught_up(state: KinesisState, kinesis: Any) -> None:
    """While events lie in buffers, the newest of them says that nothing is behind it; the hour must not close by that."""
    state.add(1)
    (shard,) = list(state.shards)
    arn = find_consumer(kinesis, state.stream, "lakeworks")
    reader = FanOutReader(kinesis, state.stream, shard, "", arn)
    first = reader.read()
    assert first.records == []
    assert first.behind_ms > 0 or state.sent, "nothing is known before the first event"
    deadline = time.monotonic() + 60
    while reader.read().behind_ms and time.monotonic() < deadline:
        time.sleep(0.01)
    before = state.sent
    while state.sent < before + 8:  # events come, and no one takes them
        time.sleep(0.01)
    while not reader.read().behind_ms:
        assert time.monotonic() < deadline, "an event that lay in a buffer was called the newest"
    while reader.read().behind_ms and time.monotonic() < deadline:
        time.sleep(0.01)
    assert reader.read().behind_ms == 0, "once it waits for events again"
    reader.close()
