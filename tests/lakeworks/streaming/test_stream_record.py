"""Lines of landing: digits as they came, problems with the bytes, records that the KPL packed."""

import base64
import json
from datetime import UTC, datetime

import pytest

from lakeworks.streaming.aggregated import user_records
from lakeworks.streaming.stream_record import LandedLine, StreamRecord

# Written by the public library aws-kinesis-agg 1.2.3: keys 7, 8, 7.
PACKED = bytes.fromhex(
    "f3899ac20a01370a01381a1408001a107b226576656e745f6964223a2261227d1a1408011a107b226576656e745f6964223a2262227d1a1408001a107b22"
    "6576656e745f6964223a2263227d0e3f129278fd6c1e674f044804a127e6"
)


def lines(data: bytes) -> list[LandedLine]:
    return StreamRecord("49", datetime(2026, 1, 5, 10, tzinfo=UTC), "k", data).lines("shard-0")


def test_packed_records_are_separate_events() -> None:
    assert user_records(PACKED) == [("7", b'{"event_id":"a"}'), ("8", b'{"event_id":"b"}'), ("7", b'{"event_id":"c"}')]
    found = [json.loads(line.text) for line in lines(PACKED)]
    assert [(one["event_id"], one["stream_sequence"]) for one in found] == [("a", "49.0"), ("b", "49.1"), ("c", "49.2")]


@pytest.mark.parametrize("data", [PACKED[:-1] + b"\x00", PACKED[:4], b"", PACKED[:40], b"\xf3\x89\x9a\xc2" + b"x" * 20])
def test_bytes_that_only_look_packed_are_one_record(data: bytes) -> None:
    assert user_records(data) == [(None, data)]


def test_an_event_keeps_its_digits_and_its_order() -> None:
    (line,) = lines(b'  {"amount": 0.10,\r\n "b": 12345678901234567890, "a": "x\\ny"}\n')
    assert line.text.endswith(b', "amount": 0.10,   "b": 12345678901234567890, "a": "x\\ny"}')
    assert json.loads(line.text)["stream_arrived_at"] == "2026-01-05T10:00:00.000+00:00"
    assert json.loads(lines(b"{}")[0].text)["stream_shard"] == "shard-0"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xff{}", "is not UTF-8"), (b"hello", "is no JSON"), (b"[1]", "is no JSON object"), (b"", "is no JSON"),
        (b'{"a": NaN}', "NaN is no JSON number"), (b'{"a": 1, "a": 2}', "has the field a twice"),
        (b'{"stream_shard": "s"}', "has the reserved field stream_shard"), (b'{"a":' * 100_000, "is nested too deep"),
    ],
)  # fmt: skip
def test_what_is_no_event_lands_with_its_reason_and_its_bytes(data: bytes, problem: str) -> None:
    (line,) = lines(data)
    found = json.loads(line.text)
    assert problem in line.problem
    assert (found["stream_problem"], base64.b64decode(found["stream_raw"])) == (line.problem, data)
