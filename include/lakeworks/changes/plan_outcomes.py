"""Outcome of an applied plan: what its runs have built, and what that took, beside the estimate."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lakeworks.changes.applied_plans import AppliedPlan, AppliedTable
from lakeworks.changes.costs import Work, in_dollars
from lakeworks.core.layout import run_key
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RunRecord, readable_records
from lakeworks.prices import PriceBook
from lakeworks.status.partition_index import PartitionIndex

MEASURES = ("rows", "bytes", "seconds", "writes", "reads", "usd")


@dataclass(frozen=True)
class TableOutcome:
    """One table: the builds of its planned periods since the plan was applied, and what they took."""

    table: AppliedTable
    done: int  # planned periods
    actual: dict[str, float]

    def off_by(self, measure: str) -> float | None:
        """Return how far the actual figure is from the estimate: 0.25 is a quarter more. None before all is built."""
        estimate = getattr(self.table, measure)
        if self.done < len(self.table.periods) or not estimate or measure not in self.actual:
            return None
        return self.actual[measure] / float(estimate) - 1

    def as_rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each measure, for people and programs."""
        for measure in MEASURES:
            off = self.off_by(measure)
            yield {
                "table": self.table.table,
                "built": f"{self.done} of {len(self.table.periods)}",
                "measure": measure,
                "estimate": getattr(self.table, measure),
                "actual": self.actual.get(measure),
                "off_by_percent": None if off is None else round(off * 100),
            }


def outcomes(lake: Lake, plan: AppliedPlan, book: PriceBook, region: str) -> Iterator[TableOutcome]:
    """Yield each table of an applied plan with what its runs took so far."""
    index = PartitionIndex(lake)
    for table in plan.tables:
        records = list(_records(index, table, plan))
        planned = [Period.parse(key) for key in table.periods]
        built = [record.parsed_period for record in records]
        done = sum(any(_meets(period, other) for other in built) for period in planned)
        taken = _taken(records)
        work = Work(_replaced(records), int(taken["writes"]), int(taken["reads"]), table.scanned)
        usd = in_dollars(work, lake.lifecycle.rollback_days, book, region)
        yield TableOutcome(table, done, taken | ({} if usd is None else {"usd": usd}) if records else {})


def _records(index: PartitionIndex, table: AppliedTable, plan: AppliedPlan) -> list[RunRecord]:
    """Return the newest record of each build since the plan was applied that covers a planned period."""
    contract = index.lake.contract(table.table)
    planned = [Period.parse(key) for key in table.periods]
    since = plan.created_at - timedelta(seconds=1)  # S3's clock gives whole seconds
    keys = []
    for key, (at, attempt) in index.runs(contract).items():
        period = Period.find(key)
        if period and at >= since and any(_meets(period, other) for other in planned):
            keys.append(run_key(contract.table, period, attempt))
    return readable_records(index.lake.store, keys)


def _taken(records: list[RunRecord]) -> dict[str, float]:
    return {
        "rows": sum(record.balance.staged for record in records),
        "bytes": sum(record.bytes for record in records),
        "seconds": round(sum(sum(record.seconds.values()) for record in records), 3),
        "writes": sum(record.requests.get("writes", 0) for record in records),
        "reads": sum(record.requests.get("reads", 0) for record in records),
    }


def _replaced(records: list[RunRecord]) -> int:
    """Return the bytes that took the place of other bytes; a partition whose rows are the same is only confirmed."""
    total = 0.0
    for record in records:
        states = record.outcome or {}
        total += record.bytes * states.get("published", 0) / max(sum(states.values()), 1)
    return round(total)


def _meets(one: Period, other: Period) -> bool:
    return one.start < other.end and other.start < one.end
