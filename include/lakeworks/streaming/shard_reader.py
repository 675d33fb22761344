"""Reading one shard: iterators that expire, throttling, the shard's end, and AWS's clock."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from lakeworks.aws_errors import error_code
from lakeworks.errors import ConfigError, LakeError, StreamUnavailable
from lakeworks.streaming.calls import ask
from lakeworks.streaming.stream_record import StreamRecord

MOST_RECORDS = 10_000


def system_clock() -> datetime:
    """Return this machine's time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class ShardAnswer:
    """The records of one read, how far they are behind, and the time at Kinesis. After the `end` nothing follows."""

    records: list[StreamRecord]
    behind_ms: int
    at: datetime
    end: bool


class RecordReader(Protocol):
    """Reads one shard from a position on."""

    def read(self, limit: int = MOST_RECORDS) -> ShardAnswer:
        """Return the next records; none while there are none."""

    def rewind(self, position: str) -> None:
        """Read on after another record."""

    def again(self, position: str) -> "RecordReader":
        """Return a reader of its own after another record."""

    def close(self) -> None:
        """End what the reader holds."""


@dataclass
class ShardReader:
    """Reads a shard from a position on. `position` is the last record that was read; empty before the first."""

    kinesis: Any
    stream: str
    shard: str
    position: str
    now: Callable[[], datetime] = system_clock
    _iterator: str | None = field(default=None, init=False)

    def read(self, limit: int = MOST_RECORDS) -> ShardAnswer:
        """Return the next records.

        An iterator lives for five minutes; an expired one is replaced. A lost answer is asked for again by the same iterator.

        Raises:
            StreamUnavailable: Kinesis did not answer, or throttles the shard.
            ConfigError: the position is none of this stream.
        """
        where = f"{self.stream} {self.shard}"
        if self._iterator is None:
            self._iterator = self._new_iterator()
        try:
            answer = ask(
                self.kinesis.get_records, ["Records"], "read", where, ShardIterator=self._iterator, Limit=limit
            )
        except LakeError as error:
            if error_code(error) in ("ExpiredIteratorException", "InvalidArgumentException"):
                self._iterator = None
                raise StreamUnavailable(
                    f"Could not read `{where}`: its iterator is over. The next look reads on after the last record."
                ) from error
            raise
        if "NextShardIterator" not in answer and "MillisBehindLatest" not in answer:
            raise StreamUnavailable(f"Could not read `{where}`: the answer was cut off. Run again.")
        records = [StreamRecord.of(one) for one in answer["Records"]]
        if records:
            self.position = records[-1].sequence
        self._iterator = answer.get("NextShardIterator")
        behind = int(answer.get("MillisBehindLatest") or 0)
        return ShardAnswer(records, behind, answered_at(answer, self.now), end=self._iterator is None)

    def rewind(self, position: str) -> None:
        """Read on after another record."""
        if position != self.position:
            self.position, self._iterator = position, None

    def again(self, position: str) -> "ShardReader":
        """Return a reader of its own after another record."""
        return replace(self, position=position)

    def close(self) -> None:
        """Do nothing: an iterator ends by itself."""

    def _new_iterator(self) -> str:
        start = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": self.position}
            if self.position
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        where = f"{self.stream} {self.shard}"
        try:
            answer = ask(
                self.kinesis.get_shard_iterator, ["ShardIterator"], "read", where,
                StreamName=self.stream, ShardId=self.shard, **start,
            )  # fmt: skip
        except LakeError as error:
            if error_code(error) == "InvalidArgumentException":
                raise ConfigError(
                    f"The checkpoint of shard {self.shard} (`{self.position}`) is no position of stream `{self.stream}`: was "
                    "the stream deleted and made again? Nothing was landed. Delete the stream's items in its checkpoint table; "
                    "reading then begins with the oldest record."
                ) from error
            raise
        return str(answer["ShardIterator"])


def answered_at(answer: Mapping[str, Any], now: Callable[[], datetime]) -> datetime:
    """Return the time of Kinesis's answer: this machine's clock may be wrong."""
    with suppress(KeyError, ValueError, TypeError):
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)
    return now()
