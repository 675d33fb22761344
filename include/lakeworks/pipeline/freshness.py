"""How old what is published is, against what each contract promises (`freshness.max_age_hours`).

A table cut by time is as old as the end of its newest partition, so that the next partition is overdue once `max_age_hours`
have passed since its own beginning; one that is not, as old as its last publication. From the ledger, not from runs: a run
that never started is late too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from lakeworks.contract import Contract
from lakeworks.partition import Partition, Period
from lakeworks.pipeline.facts import grain_of
from lakeworks.pipeline.lake import Lake


@dataclass(frozen=True)
class Freshness:
    """One table's age."""

    table: str
    newest: str  # its newest partition, or the moment of its last publication; empty where nothing was ever published
    until: datetime | None  # how far what is published reaches
    due: datetime | None  # when more has to be there
    overdue: tuple[str, ...] = ()  # partitions that should be there by now, oldest first

    @property
    def state(self) -> Literal["fresh", "late", "never published"]:
        """What to say of it; a table that was never published has promised nothing yet."""
        if self.until is None:
            return "never published"
        return "late" if self.overdue else "fresh"

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """A row for people and programs."""
        first = f"{self.overdue[0]}" if self.overdue else ""
        more = f" and {len(self.overdue) - 1} more" if len(self.overdue) > 1 else ""
        return {
            "table": self.table,
            "state": self.state,
            "newest": self.newest,
            "age_hours": round((now - self.until) / timedelta(hours=1), 1) if self.until else None,
            "due": f"{self.due:%Y-%m-%d %H:%M} UTC" if self.due else "",
            "overdue": first + more,
        }


def freshness(lake: Lake, contracts: Iterable[Contract], now: datetime) -> Iterator[Freshness]:
    """Every table whose contract promises freshness, from one listing each."""
    for contract in contracts:
        if contract.freshness:
            yield _of(lake, contract, timedelta(hours=contract.freshness.max_age_hours), now)


def _of(lake: Lake, contract: Contract, max_age: timedelta, now: datetime) -> Freshness:
    numbers = lake.ledger.numbers(contract.table)
    grain = grain_of(contract)
    by_age = sorted(numbers, key=_begin, reverse=True)
    for partition in by_age:
        live = lake.ledger.live(contract.table, partition, numbers[partition])
        if live is None:
            continue  # withdrawn, or never completed
        slot = partition.period
        if grain is None or slot is None:
            until = live.published_at or live.reserved_at
            late = (str(partition),) if until + max_age < now else ()
            return Freshness(contract.name, f"{until:%Y-%m-%d %H:%M} UTC", until, until + max_age, late)
        until = slot.end.replace(tzinfo=UTC)
        return Freshness(contract.name, str(slot), until, until + max_age, tuple(_overdue(slot, max_age, now)))
    return Freshness(contract.name, "", None, None)


def _begin(partition: Partition) -> datetime:
    return partition.period.start.replace(tzinfo=None) if partition.period else datetime.min


def _overdue(newest: Period, max_age: timedelta, now: datetime) -> Iterator[str]:
    slot = newest.next
    while slot.start.replace(tzinfo=UTC) + max_age < now:
        yield str(slot)
        slot = slot.next
