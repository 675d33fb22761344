"""Expected partitions: the periods that a table should have partitions for, and the missing ones.

A period is due if every upstream has data for it, once it is over. It is missing if it has no partition and no run covered
it after its end.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lakeworks.contract import Contract
from lakeworks.contract.sections import InputRule
from lakeworks.core.partition import Period, period_range
from lakeworks.status.partition_index import PartitionIndex
from lakeworks.status.run_coverage import covered_by


@dataclass(frozen=True)
class PeriodRange:
    """From the period `first` to the period `last`, both included. Without one of them the range is open on that side."""

    first: Period | None = None
    last: Period | None = None

    def holds(self, slot: Period | None) -> bool:
        """Return True if a period lies (partly) inside. A partition without time always does."""
        if slot is None:
            return True
        after = self.first is None or slot.end > self.first.start
        return after and (self.last is None or slot.start < self.last.end)


@dataclass(frozen=True)
class MissingPartitions:
    """Due periods without a partition. A run covered the `empty` ones and found no rows."""

    missing: frozenset[Period]
    empty: frozenset[Period]


def missing_partitions(
    index: PartitionIndex, contract: Contract, grain: str, window: PeriodRange, also: Iterable[Period] = ()
) -> MissingPartitions:
    """Return the missing partitions of a time-partitioned table in a range. `also` are periods that are due in any case."""
    there = index.slots(contract) | index.slots_taken_out(contract)
    ran = covered_by(index.recorded(contract), grain)
    due = {slot for slot in _due(index, contract, grain, window, there | ran) if slot.end <= index.now}
    due |= {slot for period in also for slot in period.split(grain)}
    lacking = {slot for slot in due if window.holds(slot)} - there
    return MissingPartitions(frozenset(lacking - ran), frozenset(lacking & ran))


def _due(index: PartitionIndex, contract: Contract, grain: str, window: PeriodRange, known: set[Period]) -> set[Period]:
    """Return the periods that every upstream has data for; if all upstreams are optional, those that any has data for.

    If no upstream is partitioned by time: the whole range, or from the first to the last known period.
    """
    sources = {x.name: x for x in index.upstreams(contract) if x.time_grain}
    needed = [x for name, x in sources.items() if not contract.inputs.get(name, InputRule()).optional]
    if sources:
        slots = [{s for slot in index.slots(x) for s in slot.split(grain)} for x in needed or sources.values()]
        return set.intersection(*slots) if needed else set().union(*slots)
    begin = window.first or min(known, default=None)
    end = window.last.end if window.last else max((slot.end for slot in known), default=None)
    return set(period_range(Period.containing(begin.start, grain), end)) if begin and end else set()
