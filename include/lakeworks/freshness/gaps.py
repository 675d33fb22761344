"""Gaps: partitions that are late although newer ones exist, and keys that stopped.

Both are notified of for a bounded time after they became overdue, so that an old gap a person lives with, or a symbol that was
delisted, is not late for ever.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period, period_range
from lakeworks.status.expected_partitions import PeriodRange, missing_partitions
from lakeworks.status.partition_index import PartitionIndex

_RHYTHM = 30  # how many of the table's slots before a key stopped say how often it used to come


@dataclass(frozen=True)
class Promise:
    """A contract's promise at one moment."""

    max_age: timedelta
    look_back: timedelta
    now: datetime

    def due(self, slot: Period) -> datetime:
        """Return the time by which a slot has to be published."""
        return slot.start + self.max_age

    def broken_lately(self, slot: Period) -> bool:
        """Return True if a slot became overdue within the look-back."""
        return self.now - self.look_back <= self.due(slot) < self.now


@dataclass(frozen=True)
class Stopped:
    """A key (`symbol=ACME`) and the first of the table's slots that it lacks."""

    key: str
    since: str

    def __str__(self) -> str:
        """Return the key, and since when."""
        return f"{self.key} since {self.since}"


def missing_before(
    facts: PartitionIndex, contract: Contract, newest: Period, partitions: Iterable[Partition], promise: Promise
) -> list[Period]:
    """Return overdue periods between the oldest and the newest partition that `lakeworks status` calls missing."""
    known = {slot for partition in partitions if (slot := partition.period)}
    begin = Period.containing(promise.now - promise.look_back - promise.max_age, newest.grain)
    lacking = period_range(max(begin, min(known, default=newest)), newest.start)
    late = [slot for slot in lacking if slot not in known and promise.broken_lately(slot)]
    if not late:
        return []  # nothing else is asked of catalog and ledger, as a rule
    found = missing_partitions(facts, contract, newest.grain, PeriodRange(late[0], late[-1]))
    return [slot for slot in late if slot in found.missing]


def stopped_keys(partitions: Iterable[Partition], promise: Promise) -> Iterator[Stopped]:
    """Yield keys whose newest partition is older than the table's, by more periods than they recently skipped.

    A key is measured by the slots that other keys have: where no one trades, no one is late. What came only once has no rhythm
    to break.
    """
    by_key: dict[str, set[Period]] = {}
    for partition in partitions:
        if slot := partition.period:
            by_key.setdefault(partition.beside_time.path, set()).add(slot)
    if len(by_key) < 2:
        return
    places = {slot: place for place, slot in enumerate(sorted(set().union(*by_key.values())))}
    slots = list(places)
    for key in sorted(by_key):
        last = places[max(by_key[key])]
        if last + 1 == len(slots):
            continue
        lately = sorted(places[slot] for slot in by_key[key] if places[slot] > last - _RHYTHM)
        pauses = [after - before for before, after in pairwise(lately)]
        if not pauses or last + max(pauses) >= len(slots):
            continue
        if promise.broken_lately(slots[last + max(pauses)]):
            yield Stopped(key, str(slots[last + 1]))
