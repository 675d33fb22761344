"""Age of the newest published partition, compared with the contract's promise (`freshness.max_age_hours`).

The age of a table partitioned by time counts from the end of its newest partition. So the next partition is overdue
`max_age_hours` after its own beginning. The age of any other table counts from its last publication. The ledger gives
the age, not the runs, so that a run that never started is late too. Missing partitions before the newest one are also
late (freshness/gaps.py).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import TerminalError
from lakeworks.freshness.gaps import Promise, Stopped, missing_before, stopped_keys
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.status.partition_index import PartitionIndex


@dataclass(frozen=True)
class TableFreshness:
    """One table's age."""

    table: str
    newest: str  # its newest partition, or the time of its last publication; empty if it was never published
    until: datetime | None  # end of the published data
    due: datetime | None  # deadline of the next publication
    overdue: tuple[str, ...] = ()  # overdue partitions, oldest first
    missing: tuple[str, ...] = ()  # overdue partitions before the newest
    stopped: tuple[Stopped, ...] = ()  # keys without new partitions, while other keys have them
    fault: str = ""  # why the table cannot be checked

    @property
    def state(self) -> Literal["fresh", "late", "never published", "unreadable"]:
        """Return the state's word. A table that was never published is not late."""
        if self.fault:
            return "unreadable"
        if self.until is None:
            return "never published"
        return "late" if self.overdue or self.missing or self.stopped else "fresh"

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """Return a row for people and programs."""
        return {
            "table": self.table,
            "state": self.state,
            "newest": self.newest,
            "age_hours": round((now - self.until) / timedelta(hours=1), 1) if self.until else None,
            "due": f"{self.due:%Y-%m-%d %H:%M} UTC" if self.due else "",
            "overdue": _first(self.overdue),
            "missing": _first(self.missing),
            "stopped": _first([str(key) for key in self.stopped]),
            "fault": self.fault,
        }


def freshness(
    lake: Lake, contracts: Iterable[Contract], now: datetime, index: PartitionIndex | None = None
) -> Iterator[TableFreshness]:
    """Yield every table whose contract promises freshness. It needs one listing per table, and more for gaps.

    A table that cannot be checked is `unreadable`; the others still follow. `index` has listings of an earlier
    question, which are not repeated.
    """
    index = index or PartitionIndex(lake)
    for contract in contracts:
        if contract.freshness:
            promised = contract.freshness
            promise = Promise(timedelta(hours=promised.max_age_hours), timedelta(days=promised.look_back_days), now)
            try:
                yield _of(index, contract, promise)
            except TerminalError as error:
                yield TableFreshness(contract.name, "", None, None, fault=str(error))


def _of(index: PartitionIndex, contract: Contract, promise: Promise) -> TableFreshness:
    listed = index.lake.ledger.numbers(contract.table)
    # A partition that the table cannot have (`year=2999`) does not count for its age; `verify` reports it.
    numbers = {partition: taken for partition, taken in listed.items() if contract.could_have(partition)}
    live = _newest_live(index.lake, contract, numbers)
    if live is None:
        return TableFreshness(contract.name, "", None, None)
    slot = live.parsed.period
    if contract.time_grain is None or slot is None:
        until = live.last_confirmed if live.kind == "expired" else live.published_at or live.reserved_at
        late = (str(live.parsed),) if until + promise.max_age < promise.now else ()
        return TableFreshness(contract.name, f"{until:%Y-%m-%d %H:%M} UTC", until, until + promise.max_age, late)
    return TableFreshness(
        contract.name,
        str(slot),
        slot.end.replace(tzinfo=UTC),
        promise.due(slot.next),
        tuple(_overdue(slot, promise)),
        tuple(map(str, missing_before(index, contract, slot, numbers, promise))),
        tuple(stopped_keys(numbers, promise)),
    )


def _newest_live(lake: Lake, contract: Contract, numbers: Mapping[Partition, list[int]]) -> LedgerEntry | None:
    """Return the live or expired entry of the newest partition that a person did not withdraw.

    A table whose last partition has expired is late, not one that was never published.
    """
    for partition in sorted(numbers, key=_begin, reverse=True):
        entry = lake.ledger.live(contract.table, partition, numbers[partition])
        newest = entry or lake.ledger.read(contract.table, partition, numbers[partition][-1]).entry
        if entry or (newest.is_live and newest.kind == "expired"):
            return newest
    return None


def _begin(partition: Partition) -> datetime:
    return partition.period.start.replace(tzinfo=None) if partition.period else datetime.min


def _overdue(newest: Period, promise: Promise) -> Iterator[str]:
    slot = newest.next
    while promise.due(slot) < promise.now:
        yield str(slot)
        slot = slot.next


def _first(items: Sequence[str]) -> str:
    more = f" and {len(items) - 1:,} more" if len(items) > 1 else ""
    return items[0] + more if items else ""
