"""Reading one shard by enhanced fan-out, as `ShardReader` reads it by GetRecords."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lakeworks.errors import ConfigError
from lakeworks.streaming.calls import ask
from lakeworks.streaming.fan_out.subscription import Subscription
from lakeworks.streaming.shard_reader import MOST_RECORDS, ShardAnswer, ShardReader, answered_at, system_clock

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_EVENTS = 3
_ACTIVE = "ACTIVE"


@dataclass
class FanOutReader:
    """Reads a shard from a position on. `position` is the last record that was read; empty before the first."""

    kinesis: Any
    stream: str
    shard: str
    position: str
    consumer_arn: str
    now: Callable[[], datetime] = system_clock
    _subscription: Subscription | None = field(default=None, init=False)
    _at: datetime = field(default=_LONG_AGO, init=False)
    _behind_ms: int = field(default=1, init=False)

    def read(self, limit: int = MOST_RECORDS) -> ShardAnswer:
        """Return the records that were pushed since, without waiting for more.

        Raises:
            StreamUnavailable: the subscription ended; the next look subscribes again.
        """
        if self._subscription is None:
            where = {"ConsumerARN": self.consumer_arn, "ShardId": self.shard}
            self._subscription = Subscription(
                self.kinesis.subscribe_to_shard, where, self.position, lambda answer: answered_at(answer, self.now)
            )
        # Kinesis pushes events without records too; one a look would let them pile up.
        for _ in range(_MOST_EVENTS):
            event = self._subscription.take()
            if event is None:
                break
            self._at, self._behind_ms = event.at, event.behind_ms
            if event.records:
                self.position = event.records[-1].sequence
            if event.records or event.end:
                return ShardAnswer(event.records, event.behind_ms, event.at, event.end)
        return ShardAnswer([], self._behind_ms, self._at, end=False)

    def rewind(self, position: str) -> None:
        """Read on after another record."""
        if position != self.position:
            self.close()
            self.position = position

    def again(self, position: str) -> ShardReader:
        """Return a reader of records that were pushed before: it asks for them, because a shard has one subscription."""
        return ShardReader(self.kinesis, self.stream, self.shard, position, self.now)

    def close(self) -> None:
        """End the subscription."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None


def find_consumer(kinesis: Any, stream: str, name: str) -> str:
    """Return the ARN of a registered consumer.

    Raises:
        ConfigError: it is not registered, or not active.
        StreamUnavailable: Kinesis did not answer.
    """
    summary = ask(kinesis.describe_stream_summary, ["StreamDescriptionSummary"], "look at", stream, StreamName=stream)
    listed = ask(
        kinesis.list_stream_consumers, ["Consumers"], "list the consumers of", stream,
        StreamARN=summary["StreamDescriptionSummary"]["StreamARN"],
    )  # fmt: skip
    found = {one["ConsumerName"]: one for one in listed["Consumers"]}
    if name not in found:
        raise ConfigError(
            f"Stream `{stream}` has no registered consumer `{name}`. Nothing was read. Declare it in lake.yml "
            f"(`fan_out: [{name}]` of the stream), and run lakeworks bootstrap; or leave out --fan-out."
        )
    if found[name]["ConsumerStatus"] != _ACTIVE:
        raise ConfigError(
            f"The consumer `{name}` of stream `{stream}` is in state {found[name]['ConsumerStatus']}. Nothing was read. "
            "Start again in a minute."
        )
    return str(found[name]["ConsumerARN"])
