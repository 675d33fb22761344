"""A producer loses nothing: partial failures, limits, age, broken requests."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from lakeworks.errors import LakeNotFound, RecordRefused, StreamUnavailable
from lakeworks.streaming.outgoing import MOST_BYTES, MOST_RECORD_BYTES, OutgoingRecord, batches
from lakeworks.streaming.producer import FlushPolicy, Producer
from tests.faults.fault_proxy import Faults, sometimes
from tests.lakeworks.streaming.conftest import Stream, ThrottledStream

Streams = Callable[..., Stream]


def never(_: float) -> None:
    """Do not wait."""


def test_only_records_that_were_not_taken_are_sent_again(stream: Streams) -> None:
    here, busy = stream(), Counter[bytes]()

    def throttles(data: bytes) -> bool:
        return data in (b"1", b"3") and busy[data] < 4

    slow = ThrottledStream(here.kinesis, throttles)
    producer = Producer(slow, here.name, sleep=lambda _: busy.update([b"1", b"3"]))
    for number in range(5):
        producer.put(str(number).encode(), "k")
    producer.flush()
    assert slow.asked[0] == [b"0", b"1", b"2", b"3", b"4"]
    assert {tuple(call) for call in slow.asked[1:]} == {(b"1", b"3")}
    assert sorted(here.records()) == [b"0", b"1", b"2", b"3", b"4"]
    assert (producer.counts.sent, producer.held) == (5, [])


def test_records_of_a_stream_that_stays_full_are_held_and_sent_later(stream: Streams) -> None:
    here, full = stream(), [True]
    producer = Producer(
        ThrottledStream(here.kinesis, lambda _: full[0]), here.name, FlushPolicy(attempts=2), sleep=never
    )
    producer.put(b"a", "k")
    with pytest.raises(
        StreamUnavailable, match=r"did not take 1 records in 2 attempts.*ProvisionedThroughput.*are held"
    ):
        producer.flush()
    full[0] = False
    producer.flush()
    assert here.records() == [b"a"]


def test_the_record_that_does_not_fit_is_sent_with_the_next_ones(stream: Streams) -> None:
    """The size bound sends what is held; the record that did not fit is held, not dropped."""
    here = stream()
    producer = Producer(here.kinesis, here.name, FlushPolicy(size=10))
    for data in (b"aaaa", b"bbbb", b"cccccccccccc"):
        producer.put(data, "k")
    assert [record.data for record in producer.held] == [b"cccccccccccc"]
    producer.flush()
    assert here.records() == [b"aaaa", b"bbbb", b"cccccccccccc"]


def test_a_record_that_became_old_is_sent_though_no_other_comes(stream: Streams) -> None:
    here, now = stream(), [100.0]
    producer = Producer(here.kinesis, here.name, FlushPolicy(age_seconds=2), clock=lambda: now[0])
    producer.put(b"a", "k")
    producer.tick()
    assert here.records() == []
    now[0] += 2
    producer.tick()
    assert here.records() == [b"a"]


def test_leaving_the_block_sends_the_rest(stream: Streams) -> None:
    here = stream()
    with Producer(here.kinesis, here.name) as producer:
        producer.put(b"a", "k")
    assert here.records() == [b"a"]


@pytest.mark.parametrize(("key", "fits"), [("k", MOST_RECORD_BYTES - 1), ("ключ", MOST_RECORD_BYTES - 8)])
def test_a_record_is_measured_with_its_key_in_bytes(stream: Streams, key: str, fits: int) -> None:
    here = stream()
    producer = Producer(here.kinesis, here.name)
    producer.put(b"x" * fits, key)
    with pytest.raises(RecordRefused, match=r"is larger than the 1,048,576 bytes.*records before it are"):
        producer.put(b"x" * (fits + 1), key)
    producer.flush()
    assert [len(data) for data in here.records()] == [fits]
    with pytest.raises(RecordRefused, match="256"):
        producer.put(b"x", "k" * 257)


def test_a_call_has_500_records_and_5_mib_at_the_most() -> None:
    sizes = [len(batch) for batch in batches([OutgoingRecord(b"x", "k")] * 1201)]
    assert sizes == [500, 500, 201]
    large = batches([OutgoingRecord(b"x" * (MOST_RECORD_BYTES - 1), "k")] * 11)
    assert [sum(record.size for record in batch) <= MOST_BYTES for batch in large] == [True, True, True]
    assert [len(batch) for batch in large] == [5, 5, 1]


def test_broken_requests_lose_no_record(stream: Streams, broken: tuple[Callable[[str], Any], Faults]) -> None:
    here, (clients, faults) = stream(2), broken
    faults.choose(sometimes(0.3, seed=7))
    producer = Producer(clients("kinesis"), here.name, FlushPolicy(records=5), sleep=never)
    sent = [str(number).encode() for number in range(200)]
    for data in sent:
        producer.put(data, data.decode())
    producer.flush()
    assert faults.broken
    assert {*here.records()} == {*sent}


def test_a_stream_that_is_not_there_is_named_and_nothing_is_dropped(stream: Streams) -> None:
    producer = Producer(stream().kinesis, "no-such-stream", sleep=never)
    producer.put(b"a", "k")
    with pytest.raises(LakeNotFound, match="no-such-stream"):
        producer.flush()
    assert [record.data for record in producer.held] == [b"a"]
