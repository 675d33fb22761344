"""The cost of a plan: rows and bytes from the catalog, time from the ledger's records of earlier runs, vendors' requests."""

from collections.abc import Sequence
from dataclasses import dataclass

from lakeworks.backfill.request_estimate import Need, needs
from lakeworks.changes.plans import TablePlan
from lakeworks.core.layout import run_key
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RunRecord, readable_records
from lakeworks.status.partition_index import PartitionIndex

_SAMPLE = 10  # newest runs of a table


@dataclass(frozen=True)
class Estimate:
    """One table's cost. `seconds` is None if no run of it recorded its time."""

    runs: int
    partitions: int
    rows: int
    bytes: int
    seconds: float | None


def estimate(lake: Lake, planned: TablePlan) -> Estimate:
    """Return what it takes to build a table's partitions again."""
    known = planned.rebuilt.values()
    rows, size = sum(item.rows or 0 for item in known), sum(item.bytes or 0 for item in known)
    runs = len(planned.periods)
    return Estimate(runs, len(planned.rebuilt), rows, size, _seconds(_newest_runs(lake, planned), runs, rows))


def requests(lake: Lake, plans: Sequence[TablePlan]) -> list[Need]:
    """Return the requests to each vendor, if every planned source table is fetched again."""
    return needs(lake, [(item.contract, item.periods) for item in plans if item.contract.source and item.rebuilt])


def _newest_runs(lake: Lake, planned: TablePlan) -> list[RunRecord]:
    table = planned.contract.table
    recorded = PartitionIndex(lake).runs(planned.contract) if planned.rebuilt else {}
    newest = sorted(recorded.items(), key=lambda item: item[1][0])[-_SAMPLE:]
    keys = [run_key(table, period, attempt) for key, (_, attempt) in newest if (period := Period.find(key))]
    return [record for record in readable_records(lake.store, keys) if record.seconds]


def _seconds(records: Sequence[RunRecord], runs: int, rows: int) -> float | None:
    """Return the time of so many runs over so many rows: by the rows, and at least the time of the quickest run each."""
    if not records or not runs:
        return 0.0 if not runs else None
    times = [sum(record.seconds.values()) for record in records]
    seen = sum(record.balance.staged for record in records)
    return max(sum(times) / seen * rows if seen else 0.0, min(times) * runs)
