"""One shard's way into landing, in micro-batches.

A batch ends by records, bytes, age, or the hour in which its records arrived. Its end is first fixed in the checkpoint, then
its object is written, then the checkpoint moves behind it. A process may die between any two of these: the next one lands the
same records as the same object.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from lakeworks.core.partition import Period
from lakeworks.errors import RecordsGone
from lakeworks.streaming.checkpoint import Checkpoint, Totals, Window
from lakeworks.streaming.checkpoint_table import CheckpointTable
from lakeworks.streaming.landed_batch import BatchLanding
from lakeworks.streaming.shard_reader import RecordReader, ShardAnswer
from lakeworks.streaming.stream_record import StreamRecord

HOUR = "hour"


@dataclass(frozen=True)
class BatchPolicy:
    """Bounds of a micro-batch, and how long after an hour its late records are waited for."""

    records: int = 10_000
    size: int = 16 << 20
    age_seconds: float = 60.0
    settle_seconds: float = 60.0


class AfterLanding(Protocol):
    """Work with landed records before the checkpoint moves; it may be repeated for the same records."""

    def __call__(self, shard: str, records: Sequence[StreamRecord], /) -> None:
        """Use the records of one batch."""


def nothing_more(shard: str, records: Sequence[StreamRecord], /) -> None:
    """Do nothing after landing."""


@dataclass
class ShardIngest:
    """A shard that this process owns."""

    table: CheckpointTable
    landing: BatchLanding
    reader: RecordReader
    checkpoint: Checkpoint
    policy: BatchPolicy = field(default_factory=BatchPolicy)
    after_landing: AfterLanding = nothing_more
    clock: Callable[[], float] = time.monotonic
    _held: list[StreamRecord] = field(default_factory=list, init=False)
    _bytes: int = field(default=0, init=False)
    _since: float = field(default=0.0, init=False)
    _ended: bool = field(default=False, init=False)
    _behind_ms: int = field(default=0, init=False)
    _at: datetime | None = field(default=None, init=False)

    @property
    def behind_ms(self) -> int:
        """Milliseconds by which the last read was behind the newest record."""
        return self._behind_ms

    @property
    def is_finished(self) -> bool:
        """Return True if the shard was closed and everything in it has landed."""
        return self._ended and not self._held and self.checkpoint.window is None

    def step(self) -> int:
        """Read once; land what is due. Return the number of records read."""
        if self.checkpoint.window:
            self._finish_window()
        if self._ended:
            self._land_held()
            return 0
        answer = self.reader.read()
        self._behind_ms, self._at = answer.behind_ms, answer.at
        for place, record in enumerate(answer.records):
            if self._held and not self._fits(record):
                self._land_before(answer, place)
            self._hold(record)
        self._ended = answer.end
        if self._ended or self._is_due():
            self._land_held()
        return len(answer.records)

    def drain(self) -> None:
        """Land what was read."""
        if self.checkpoint.window:
            self._finish_window()
        self._land_held()

    def renew(self, **changes: object) -> None:
        """Write the checkpoint again: the lease stays ours, with the lag and the time up to which the shard is closed."""
        closed = self._closed_through()
        new = self.checkpoint.next_write(closed_through=closed, behind_ms=self._behind_ms, **changes)
        self.checkpoint = self.table.save(self.checkpoint, new)

    def _land_before(self, answer: ShardAnswer, place: int) -> None:
        """Land what is held. If that fails, the reader repeats the records of this answer that are not held yet."""
        held = self._held[-1].sequence
        try:
            self._land_held()
        except Exception:
            self.reader.rewind(answer.records[place - 1].sequence if place else held)
            raise

    def _fits(self, record: StreamRecord) -> bool:
        return (
            len(self._held) < self.policy.records
            and self._bytes + len(record.data) <= self.policy.size
            and self._period_of(record) == self._period_of(self._held[0])
        )

    def _hold(self, record: StreamRecord) -> None:
        if not self._held:
            self._since = self.clock()
        self._held.append(record)
        self._bytes += len(record.data)

    def _is_due(self) -> bool:
        return bool(self._held) and self.clock() - self._since >= self.policy.age_seconds

    def _period_of(self, record: StreamRecord) -> str:
        """Return the hour that a record belongs to: that of its arrival, but none that is closed."""
        closed = self.checkpoint.closed_through
        moment = max(record.arrived_at, datetime.fromisoformat(closed)) if closed else record.arrived_at
        return str(Period.containing(moment.astimezone(UTC), HOUR))

    def _land_held(self) -> None:
        if not self._held:
            return
        first, last = self._held[0], self._held[-1]
        window = Window(first.sequence, last.sequence, len(self._held), self._period_of(first))
        self.checkpoint = self.table.save(self.checkpoint, self.checkpoint.next_write(window=window))
        self._finish_window()

    def _finish_window(self) -> None:
        """Land the fixed window and move the checkpoint behind it."""
        window = self.checkpoint.window
        assert window is not None  # noqa: S101 - both callers looked
        held = self._held if self._held and self._held[-1].sequence == window.last else None
        records = held or self._read_again(window)
        totals = self.landing.land(self.checkpoint.shard, window, records) if records else Totals()
        self.after_landing(self.checkpoint.shard, records)
        arrived = max((record.arrived_at.isoformat() for record in records), default="")
        new = self.checkpoint.next_write(
            window=None,
            position=window.last,
            closed_through=self._closed_through(arrived),
            behind_ms=self._behind_ms,
            totals=self.checkpoint.totals.plus(totals),
        )
        self.checkpoint = self.table.save(self.checkpoint, new)
        self._held, self._bytes = [], 0

    def _read_again(self, window: Window) -> list[StreamRecord]:
        """Read the records of a window that an earlier process fixed.

        Raises:
            RecordsGone: the stream does not have all of them any more, and they had not landed.
        """
        reader = self.reader.again(self.checkpoint.position)
        last, records, empty = int(window.last), list[StreamRecord](), 0
        while not (records and int(records[-1].sequence) >= last):
            answer = reader.read()
            records += answer.records
            empty = 0 if answer.records else empty + 1
            if answer.end or (empty and answer.behind_ms == 0):
                break
        window_records = [record for record in records if int(record.sequence) <= last]
        if len(window_records) != window.records:
            if self.landing.is_landed(self.checkpoint.shard, window):
                return []
            raise RecordsGone(
                f"Shard {self.checkpoint.shard}: {window.records} records between {window.first} and {window.last} were to "
                f"land, and the stream has {len(window_records)} of them: its retention is over. Nothing was landed for them. "
                "The checkpoint stays; put the other records into the stream again, and remove `window` from the checkpoint."
            )
        self.reader.rewind(window.last)
        return window_records

    def _closed_through(self, landed: str = "") -> str:
        """Return the time before which nothing more will land here.

        With records held it cannot move. Otherwise it follows the landed records, and Kinesis's own time once nothing is
        behind; the settling time covers records that Kinesis shows late.
        """
        known = self.checkpoint.closed_through
        if not landed and self._held:
            return known
        moments = [known]
        if landed and self._at:
            # A record's time in the future closes nothing.
            moments.append(min(landed, (self._at - timedelta(seconds=self.policy.settle_seconds)).isoformat()))
        if not landed and self._at and self._behind_ms == 0:
            moments.append((self._at - timedelta(seconds=self.policy.settle_seconds)).isoformat())
        return max(moments)
