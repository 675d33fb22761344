"""Gaps: late partitions before the newest one, and keys that stopped.

Alerts about both end some time after they became overdue. Otherwise an old accepted gap or a delisted symbol would be
late for ever.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period, period_range
from lakeworks.status.expected_partitions import PeriodRange, missing_partitions
from lakeworks.status.partition_index import PartitionIndex

_RHYTHM = 30  # number of the table's periods before a key stopped that show how often it arrived


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
    """A key (`symbol=ACME`) and the first of the table's periods without it."""

    key: str
    since: str

    def __str__(self) -> str:
        """Return the key, and since when."""
        return f"{self.key} since {self.since}"


def missing_before(
    index: PartitionIndex, contract: Contract, newest: Period, partitions: Iterable[Partition], promise: Promise
) -> list[Period]:
    """Return overdue periods between the oldest and the newest partition that `lakeworks status` calls missing."""
    known = {slot for partition in partitions if (slot := partition.period)}
    begin = Period.containing(promise.now - promise.look_back - promise.max_age, newest.grain)
    lacking = period_range(max(begin, min(known, default=newest)), newest.start)
    late = [slot for slot in lacking if slot not in known and promise.broken_lately(slot)]
    if not late:
        return []  # usually no other request to catalog or ledger is needed
    missing = missing_partitions(index, contract, newest.grain, PeriodRange(late[0], late[-1]))
    return [slot for slot in late if slot in missing.missing]


def stopped_keys(partitions: Iterable[Partition], promise: Promise) -> Iterator[Stopped]:
    """Yield keys whose newest partition is older than the table's, by more periods than they recently skipped.

    A key is compared with the periods of other keys: without any trade, no key is late. A key that arrived once has
    no expected interval.
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
