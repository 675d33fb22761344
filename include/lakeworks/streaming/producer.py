"""A producer that loses nothing: it sends by size and by age, and sends again only what Kinesis did not take.

    with Producer(boto3.client("kinesis"), "lakeworks-dev-commerce") as producer:
        producer.put(b'{"event_id": "1-placed", ...}', key="900")

Delivery is at least once: a call whose answer was lost is repeated. Consumers drop duplicates by the event's id.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from lakeworks.errors import LakeError, StreamUnavailable, TerminalError
from lakeworks.streaming.calls import ask
from lakeworks.streaming.outgoing import MOST_BYTES, MOST_RECORDS, OutgoingRecord, batches, checked

log = logging.getLogger(__name__)
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0


@dataclass(frozen=True)
class FlushPolicy:
    """Bounds of what a producer holds back, and how often it sends the same record."""

    records: int = MOST_RECORDS
    size: int = MOST_BYTES
    age_seconds: float = 1.0
    attempts: int = 12


@dataclass
class PutCounts:
    """Counts of a producer since its start."""

    sent: int = 0
    resent: int = 0
    calls: int = 0
    by_shard: dict[str, int] = field(default_factory=dict)


class Producer:
    """Collects records and puts them into one stream. Safe for several threads.

    Within `with`, a thread sends records that became old while no other came. Outside of it, call `tick`.
    """

    def __init__(
        self,
        kinesis: Any,
        stream: str,
        policy: FlushPolicy = FlushPolicy(),
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.counts = PutCounts()
        self._kinesis, self._stream, self._policy = kinesis, stream, policy
        self._clock, self._sleep = clock, sleep
        self._held: list[OutgoingRecord] = []
        self._held_bytes, self._oldest = 0, 0.0
        self._lock, self._ended = threading.RLock(), threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: LakeError | None = None

    @property
    def held(self) -> list[OutgoingRecord]:
        """The records that are not sent yet, in order."""
        with self._lock:
            return list(self._held)

    def put(self, data: bytes, key: str) -> None:
        """Take a record; send what is held if the record does not fit beside it, or if it is full or old.

        Raises:
            RecordRefused: Kinesis takes no such record; it is not held.
            StreamUnavailable: records could not be sent; they are still held, this one too.
        """
        record = checked(data, key)
        with self._lock:
            if self._held and self._held_bytes + record.size > self._policy.size:
                self._send_beside(record)
            else:
                self._hold(record)
            if self._failure:
                failure, self._failure = self._failure, None
                raise failure
            if len(self._held) >= self._policy.records:
                self.flush()
        self.tick()

    def tick(self) -> None:
        """Send what is held if its oldest record is old enough."""
        with self._lock:
            if self._held and self._clock() - self._oldest >= self._policy.age_seconds:
                self.flush()

    def flush(self) -> None:
        """Send everything that is held.

        Raises:
            StreamUnavailable: Kinesis did not take some records at any attempt; they are still held.
            LakeNotFound, LakeAccessDenied: there is no such stream, or the credentials do not reach it.
        """
        with self._lock:
            attempt = 0
            while self._held:
                before = len(self._held)
                reason = self._send_once()
                attempt = 0 if len(self._held) < before else attempt + 1
                if not self._held:
                    return
                if attempt >= self._policy.attempts:
                    raise StreamUnavailable(
                        f"Stream `{self._stream}` did not take {len(self._held)} records in {attempt} attempts, the last time "
                        f"for {reason}. {self.counts.sent} were sent. The others are held: call `flush` again. If it is "
                        "throttled all the time, it needs more shards: lakeworks stream size --help"
                    )
                self._sleep(min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt) * random.uniform(0.5, 1))  # noqa: S311 - jitter

    def _hold(self, record: OutgoingRecord) -> None:
        if not self._held:
            self._oldest = self._clock()
        self._held.append(record)
        self._held_bytes += record.size

    def _send_beside(self, record: OutgoingRecord) -> None:
        """Send what is held, then hold the record that did not fit; it is held even if sending failed."""
        try:
            self.flush()
        finally:
            self._hold(record)

    def _send_once(self) -> str:
        """Make one call for each batch; keep what was not taken, in order. Return the last reason."""
        kept: list[OutgoingRecord] = []
        reason = ""
        waiting = batches(self._held)
        for number, batch in enumerate(waiting):
            try:
                failed, reason_here = self._call(batch)
            except TerminalError:
                self._keep([*kept, *(record for rest in waiting[number:] for record in rest)])
                raise
            kept += failed
            reason = reason_here or reason
        self._keep(kept)
        return reason

    def _keep(self, records: list[OutgoingRecord]) -> None:
        self._held, self._held_bytes = records, sum(record.size for record in records)

    def _call(self, batch: list[OutgoingRecord]) -> tuple[list[OutgoingRecord], str]:
        self.counts.calls += 1
        entries = [record.entry() for record in batch]
        try:
            answer = ask(
                self._kinesis.put_records, ["Records"], "put records into", self._stream,
                StreamName=self._stream, Records=entries,
            )  # fmt: skip
        except StreamUnavailable as error:
            self.counts.resent += len(batch)
            return batch, str(error)
        if len(answer["Records"]) != len(batch):
            return batch, "an answer that was cut off"
        failed, reason = [], ""
        for record, result in zip(batch, answer["Records"], strict=True):
            if result.get("ErrorCode"):
                failed.append(record)
                reason = f"{result['ErrorCode']}: {result.get('ErrorMessage', '')}"
            else:
                shard = result["ShardId"]
                self.counts.by_shard[shard] = self.counts.by_shard.get(shard, 0) + 1
        self.counts.sent += len(batch) - len(failed)
        self.counts.resent += len(failed)
        return failed, reason

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch_age, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread:
            self._thread.join()
        self.flush()

    def _watch_age(self) -> None:
        while not self._ended.wait(self._policy.age_seconds / 2):
            try:
                self.tick()
            except LakeError as error:
                log.warning("%s", error)
                self._failure = error
