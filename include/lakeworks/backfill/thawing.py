"""Archived data that a backfill would read: what to restore before its start, how long that takes and what it costs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lakeworks.contract import Contract, InputRule
from lakeworks.core.layout import landing_prefix, partition_of
from lakeworks.core.partition import Period, period_range
from lakeworks.lake import Lake
from lakeworks.landing.files import source_of
from lakeworks.maintenance.restoration import cost_of
from lakeworks.prices import PriceBook
from lakeworks.s3.archive import ARCHIVES, ArchiveState, archive_state
from lakeworks.transform.sql import load_sql, upstream

_Times = Sequence[Period] | None  # None: all of a table


@dataclass(frozen=True)
class ArchivedInput:
    """Archived objects of one table that the runs of a backfill read."""

    table: str
    items: tuple[ArchiveState, ...]
    times: tuple[Period, ...]
    hours: int
    cost_usd: float | None

    @property
    def command(self) -> str:
        """Return what to type before the backfill is started."""
        if not self.times:
            return f"lakeworks restore {self.table}"
        until = f" --to {self.times[-1]}" if len(self.times) > 1 else ""
        return f"lakeworks restore {self.table} {self.times[0]}{until}"

    def as_dict(self) -> dict[str, Any]:
        """Return a row for people and programs."""
        return {
            "table": self.table,
            "classes": ", ".join(sorted({item.storage_class for item in self.items})),
            "objects": len(self.items),
            "bytes": sum(item.size for item in self.items),
            "hours": self.hours,
            "cost_usd": None if self.cost_usd is None else round(self.cost_usd, 2),
            "restore": self.command,
        }


def archived_inputs(
    lake: Lake, contracts: Sequence[Contract], periods: Sequence[Period], book: PriceBook
) -> list[ArchivedInput]:
    """Return the archived objects that runs of these tables would need, by table. The estimate assumes a bulk restore.

    Each table is listed once. Only objects in an archive class need a request of their own.
    """
    archived = []
    for table, prefixes in _read(contracts, periods).items():
        keys = [key for prefix, times in prefixes for key in _archived(lake, prefix, times)]
        states = lake.store.map(lambda key: archive_state(lake.store, key), dict.fromkeys(keys))
        items = tuple(item for item in states if item.state != "restored")
        if items:
            times = sorted({period for item in items if (period := partition_of(item.key).period)}, key=str)
            hours = max(book.rules(item.storage_class).restore_hours for item in items)
            waiting = [item for item in items if item.state == "archived"]
            cost = cost_of(book, lake.store.client.meta.region_name, waiting, "bulk")
            archived.append(ArchivedInput(table, items, tuple(times), hours, cost))
    return archived


def _read(contracts: Sequence[Contract], periods: Sequence[Period]) -> dict[str, list[tuple[str, _Times]]]:
    """Return which prefixes runs read, by table, and of which times."""
    times: dict[str, list[tuple[str, _Times]]] = {}
    for contract in contracts if periods else ():
        if contract.source:
            landed = landing_prefix(contract.table.domain, source_of(contract), None)
            times.setdefault(contract.name, []).append((landed, periods if contract.partition_by else None))
        sql = load_sql(contract)
        for name in upstream(sql) if sql else ():
            times.setdefault(str(name), []).append((f"{name.path}/", _times_read(contract, str(name), periods)))
    return times


def _times_read(contract: Contract, name: str, periods: Sequence[Period]) -> _Times:
    """Return the times of an upstream table that runs of the periods read; None for all of it."""
    rule = contract.inputs.get(name, InputRule())
    if rule.whole or (contract.late_data and name in contract.late_data.upstreams):
        return None
    if not rule.look_back_days:
        return [period for item in periods for period in item.with_earlier(contract.look_back_periods)]
    first = Period.containing(periods[0].start - timedelta(days=rule.look_back_days), "day")
    return list(period_range(first, periods[-1].end))


def _archived(lake: Lake, prefix: str, times: _Times) -> Iterator[str]:
    for item in lake.store.scan(prefix):
        if item.storage_class not in ARCHIVES:
            continue
        covers = partition_of(item.key).period
        if covers is None or times is None or any(covers.start < t.end and covers.end > t.start for t in times):
            yield item.key
