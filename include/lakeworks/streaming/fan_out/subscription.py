"""A subscription to one shard. A thread follows its events, and renews it: Kinesis ends each after five minutes."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, Full, Queue
from typing import Any

from lakeworks.aws_errors import AWS_ERRORS
from lakeworks.errors import LakeError, StreamUnavailable
from lakeworks.streaming.calls import ask, explained
from lakeworks.streaming.stream_record import StreamRecord

# Kinesis refuses a second subscription to a shard within five seconds.
_BETWEEN_SECONDS = 5.0
# An event that was waited for at least so long lay in no buffer.
_FRESH_SECONDS = 0.05
# Events that wait for the consumer; the connection holds the others back.
_MOST_WAITING = 2
_LOOK_SECONDS = 0.1
PushedEvent = Mapping[str, Any]


@dataclass(frozen=True)
class ShardEvent:
    """Some records in order, how far they are behind, and the time at Kinesis. After the `end` nothing follows."""

    records: list[StreamRecord]
    behind_ms: int
    at: datetime
    end: bool


class Subscription:
    """Follow a shard from a position on; `take` gives the events in order, in the caller's thread."""

    def __init__(
        self,
        subscribe: Callable[..., Any],
        where: Mapping[str, str],
        position: str,
        time_of: Callable[[Mapping[str, Any]], datetime],
    ) -> None:
        """Begin at once. `where` names the consumer and the shard; `time_of` reads the time of an answer."""
        self._subscribe, self._where, self._time_of = subscribe, where, time_of
        self._position = position
        self._waiting: Queue[ShardEvent | LakeError] = Queue(_MOST_WAITING)
        self._stopped = threading.Event()
        self._held_up = False
        self._stream: Any = None
        threading.Thread(target=self._run, name=f"fan-out {where['ShardId']}", daemon=True).start()

    def take(self) -> ShardEvent | None:
        """Return the next event; None while there is none.

        Raises:
            StreamUnavailable: the connection broke, or another process subscribed.
            LakeNotFound, LakeAccessDenied: retrying cannot help.
        """
        try:
            event = self._waiting.get_nowait()
        except Empty:
            return None
        if isinstance(event, LakeError):
            raise event
        return event

    def close(self) -> None:
        """End it; events that were not taken are given up."""
        self._stopped.set()
        if self._stream is not None:
            with suppress(Exception):  # the thread may be reading from it
                self._stream.close()

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                began = time.monotonic()
                if self._follow():
                    return
                self._stopped.wait(max(0.0, _BETWEEN_SECONDS - (time.monotonic() - began)))
        except LakeError as error:
            self._hand_over(error)
        except AWS_ERRORS as error:
            self._hand_over(explained(error, "follow", self._name))
        except Exception as error:  # a broken connection is an error of any of three libraries
            self._hand_over(
                StreamUnavailable(f"Could not follow `{self._name}`: the connection broke ({type(error).__name__}).")
            )

    def _follow(self) -> bool:
        """Follow one subscription to its end. Return True if that is the shard's end too."""
        start = (
            {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._position}
            if self._position
            else {"Type": "TRIM_HORIZON"}
        )
        answer = ask(
            self._subscribe, ["EventStream"], "subscribe to", self._name, **self._where, StartingPosition=start
        )
        at, since = self._time_of(answer), time.monotonic()
        self._stream = answer["EventStream"]
        before = since
        for item in self._stream:
            now = time.monotonic()
            if "SubscribeToShardEvent" in item:
                event = self._read(item["SubscribeToShardEvent"], now - before, at + timedelta(seconds=now - since))
                self._hand_over(event)
                if event.end:
                    return True
            if self._stopped.is_set():
                return True
            before = time.monotonic()
        return False

    def _read(self, event: PushedEvent, waited: float, at: datetime) -> ShardEvent:
        """Read an event. One that may have lain in a buffer is not called the newest, whatever it says itself."""
        if waited >= _FRESH_SECONDS:
            self._held_up = False
        behind = int(event.get("MillisBehindLatest") or 0)
        self._position = event.get("ContinuationSequenceNumber") or self._position
        return ShardEvent(
            [StreamRecord.of(one) for one in event.get("Records", [])],
            max(behind, int(self._held_up)),
            at,
            end=bool(event.get("ChildShards")) or "ContinuationSequenceNumber" not in event,
        )

    def _hand_over(self, event: ShardEvent | LakeError) -> None:
        self._held_up = self._held_up or self._waiting.full()
        is_waiting = True
        while is_waiting and not self._stopped.is_set():
            with suppress(Full):
                self._waiting.put(event, timeout=_LOOK_SECONDS)
                is_waiting = False

    @property
    def _name(self) -> str:
        return f"{self._where['ConsumerARN']} {self._where['ShardId']}"
