"""Cached readings of the lake, shared by all viewers: made at most once at a time, kept for a while, then renewed.

A large table takes seconds to list. A page never waits so long: it shows the last reading with its age while a newer one is
made, or says how far the first one is.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_THREADS = 2
# A slow reading is kept longer, so that readings cost at most a tenth of a core.
_KEPT_PER_SECOND = 10
# A reading is not shown once its age is this many times the time it is kept for.
_TOO_OLD = 10


@dataclass(frozen=True)
class Reading(Generic[T]):
    """A reading, the time it was complete (UTC), and the seconds it took."""

    value: T
    at: datetime
    seconds: float


@dataclass(frozen=True)
class Underway:
    """A first reading that is not complete, and the seconds since it began."""

    seconds: float


@dataclass
class _Slot:
    reading: Reading[Any] | None = None
    ended: float = 0
    began: float = 0
    keep: float = 0
    making: "Future[Reading[Any]] | None" = None


class Readings:
    """Readings by key.

    Args:
        keep: seconds that a reading is shown before it is renewed.
        patience: seconds that a page waits for a first reading.
        most: readings kept; the one that was looked at longest ago goes first.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        keep: float = 60,
        patience: float = 0.8,
        most: int = 24,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keep, self.patience, self.most, self.clock = keep, patience, most, clock
        self._slots: OrderedDict[str, _Slot] = OrderedDict()
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="lake-page")

    def beside(self, most: int) -> "Readings":
        """Return readings with places of their own and the same threads: large views push no small ones out."""
        made = Readings(self.keep, self.patience, most, self.clock)
        made._threads = self._threads
        return made

    def get(
        self, key: str, read: Callable[[], T], *, keep: float | None = None, patience: float | None = None
    ) -> Reading[T] | Underway:
        """Return the last reading and begin a new one if it is due; without one, wait for it a moment.

        `keep` and `patience` replace those of all readings for this one.

        Raises:
            LakeError: what the reading raised; the next call reads again.
        """
        with self._lock:
            slot = self._slot(key)
            slot.keep = self.keep if keep is None else keep
            self._take(key, slot)
            shown = self._shown(slot)
            if slot.making is None and (shown is None or self._age(slot) > self._kept_seconds(slot, shown)):
                slot.began = self.clock()
                slot.making = self._threads.submit(_timed, read)
            making = slot.making
        if shown is not None or making is None:
            return shown or Underway(0)
        wait([making], self.patience if patience is None else patience)
        with self._lock:
            self._take(key, slot)
            return slot.reading or Underway(self.clock() - slot.began)

    def _slot(self, key: str) -> _Slot:
        slot = self._slots.setdefault(key, _Slot())
        self._slots.move_to_end(key)
        while len(self._slots) > self.most:
            self._slots.popitem(last=False)
        return slot

    def _take(self, key: str, slot: _Slot) -> None:
        """Take over a complete reading. A failed one is discarded, so that it cannot pass as the lake's state."""
        if slot.making is None or not slot.making.done():
            return
        done, slot.making = slot.making, None
        if error := done.exception():
            self._slots.pop(key, None)
            raise error
        slot.reading, slot.ended = done.result(), self.clock()

    def _age(self, slot: _Slot) -> float:
        return self.clock() - slot.ended

    def _kept_seconds(self, slot: _Slot, reading: Reading[Any]) -> float:
        return max(slot.keep, reading.seconds * _KEPT_PER_SECOND)

    def _shown(self, slot: _Slot) -> Reading[Any] | None:
        reading = slot.reading
        return reading if reading and self._age(slot) < self._kept_seconds(slot, reading) * _TOO_OLD else None


def _timed(read: Callable[[], T]) -> Reading[T]:
    began = time.monotonic()
    value = read()
    return Reading(value, datetime.now(UTC), time.monotonic() - began)
