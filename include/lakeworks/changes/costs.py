"""The cost of a plan: rows and bytes from the catalog, time and requests from records of earlier runs, dollars from prices."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lakeworks.backfill.plan import chunks
from lakeworks.backfill.request_estimate import Need, needs
from lakeworks.changes.history import PastBuild, predicted
from lakeworks.changes.plans import TablePlan
from lakeworks.contract import Contract
from lakeworks.core.layout import run_key
from lakeworks.core.partition import GRAINS, Period
from lakeworks.core.period_keys import periods_between
from lakeworks.lake import Lake
from lakeworks.landing.reader import landed_already
from lakeworks.ledger.run_record import RunRecord, readable_records
from lakeworks.pipeline.build_periods import plan as build_periods
from lakeworks.prices import GIB, PriceBook
from lakeworks.status.partition_index import PartitionIndex, slots_read

CLUSTER_HOURS = "the cluster's hours are not priced"
_SAMPLE = 30  # newest runs of a table
# Requests that a first publication of a partition sends more (or fewer) than one that takes the place of another.
_OF_FIRST = {"writes": 2, "reads": -1}
# Athena charges for each query as if it scanned at least this much: https://aws.amazon.com/athena/pricing/
_LEAST_SCANNED, _TERABYTE = 10 * 1024**2, 1024**4


@dataclass(frozen=True)
class Work:
    """The parts that are paid for: bytes that replace others, requests by their price, and bytes that Athena scans."""

    bytes: int
    writes: int
    reads: int
    scanned: int


@dataclass(frozen=True)
class Estimate:
    """One table's cost. What no run of it recorded is None, and so is a price that the price book lacks.

    Attributes:
        runs: builds, as `plan --apply` cuts the periods.
        partitions: partitions to build again.
        rows: of their live publications.
        bytes: of their live publications.
        seconds: of one worker, without Airflow's own.
        writes: requests to S3 at the price of a PUT.
        reads: requests to S3 at the price of a GET.
        scanned: bytes that Athena scans; 0 if another engine builds the table.
        usd: requests, the storage of replaced versions until the bucket deletes them, and scans.
        unpriced: what is paid for besides, and no price book has a price of; empty if there is nothing.
    """

    runs: int
    partitions: int
    rows: int
    bytes: int
    seconds: float | None
    writes: int | None = None
    reads: int | None = None
    scanned: int = 0
    usd: float | None = None
    unpriced: str = ""


def estimate(lake: Lake, planned: TablePlan, book: PriceBook | None = None, region: str = "") -> Estimate:
    """Return what it takes to build a table's partitions again; without a price book, not in dollars."""
    known, contract = planned.rebuilt.values(), planned.contract
    rows, size = sum(item.rows or 0 for item in known), sum(item.bytes or 0 for item in known)
    builds, partitions = len(builds_of(contract, planned.periods)), len(planned.rebuilt)
    records = _newest_runs(lake, planned)
    seconds = predicted(
        [PastBuild(x.balance.read, sum(x.seconds.values())) for x in records], builds, _read(records, rows)
    )
    counted = _replacing([record for record in records if record.requests])
    writes, reads = (
        predicted([PastBuild(len(x.partitions), _requests_to_replace(x, name)) for x in counted], builds, partitions)
        for name in ("writes", "reads")
    )
    found = Estimate(
        runs=builds,
        partitions=partitions,
        rows=rows,
        bytes=size,
        seconds=seconds,
        writes=None if writes is None else round(writes),
        reads=None if reads is None else round(reads),
        scanned=_scanned(lake, planned) if contract.engine == "athena" else 0,
        unpriced=CLUSTER_HOURS if contract.engine == "spark" and builds else "",
    )
    if book is None or found.writes is None or found.reads is None:
        return found
    work = Work(found.bytes, found.writes, found.reads, found.scanned)
    return replace(found, usd=in_dollars(work, lake.lifecycle.rollback_days, book, region))


def in_dollars(work: Work, kept_days: int, book: PriceBook, region: str) -> float | None:
    """Return the price of requests, scans, and replaced versions for the days that the bucket keeps them.

    None if the price book lacks the region.
    """
    if region not in book.regions:
        return None
    prices = book.regions[region]
    standard = prices.classes["STANDARD"]
    kept = work.bytes / GIB * standard.storage * kept_days / 30
    asked = work.writes / 1000 * standard.put + work.reads / 1000 * standard.get
    return kept + asked + work.scanned / _TERABYTE * prices.athena


def requests(lake: Lake, plans: Sequence[TablePlan]) -> list[Need]:
    """Return the requests to each vendor: of periods that landing lacks, and of all where the source itself changed."""
    asked = []
    for item in plans:
        if item.contract.source and item.rebuilt:
            there = {} if item.asks_again else landed_already(lake, item.contract, item.periods)
            asked.append((item.contract, [period for period in item.periods if period not in there]))
    return needs(lake, asked)


def builds_of(contract: Contract, periods: Sequence[Period]) -> list[Period]:
    """Return the builds of a table's periods, as runs of a month of days or a year of months make them."""
    builds: list[Period] = []
    for grain in GRAINS:
        own = [period for period in periods if period.grain == grain]
        for first, last in chunks(own, "year" if grain == "month" else "month"):
            builds += build_periods(contract, periods_between(str(first), str(last), grain))
    return builds


def _read(records: Sequence[RunRecord], rows: int) -> float:
    """Return the rows that builds of so many published rows read, by what earlier runs read for each row that they staged."""
    staged = sum(record.balance.staged for record in records)
    return rows * sum(record.balance.read for record in records) / staged if staged else rows


def _replacing(records: Sequence[RunRecord]) -> Sequence[RunRecord]:
    """Return the runs that published new rows, if there are any: where the rows are the same, less is sent."""
    changed = [x for x in records if 2 * (x.outcome or {}).get("published", 0) >= len(x.partitions)]
    return changed or records


def _requests_to_replace(record: RunRecord, name: str) -> int:
    return record.requests.get(name, 0) - _OF_FIRST[name] * record.created


def _newest_runs(lake: Lake, planned: TablePlan) -> list[RunRecord]:
    table = planned.contract.table
    recorded = PartitionIndex(lake).runs(planned.contract) if planned.rebuilt else {}
    newest = sorted(recorded.items(), key=lambda item: item[1][0])[-_SAMPLE:]
    keys = [run_key(table, period, attempt) for key, (_, attempt) in newest if (period := Period.find(key))]
    return [record for record in readable_records(lake.store, keys) if record.seconds]


def _scanned(lake: Lake, planned: TablePlan) -> int:
    """Return the bytes of the upstream partitions that the builds read, with the least that Athena charges a query."""
    index = PartitionIndex(lake)
    sizes: dict[tuple[str, str, str], int] = {}
    for source in index.upstreams(planned.contract):
        for grain in {cut for period in planned.periods for cut, _ in slots_read(planned.contract, source, period)}:
            for partition, known in index.published(source).items():
                slot = partition.period
                key = str(Period.containing(slot.start, grain)) if slot and grain else ""
                sizes[source.name, grain, key] = sizes.get((source.name, grain, key), 0) + (known.bytes or 0)
    total = 0
    for period in builds_of(planned.contract, planned.periods):
        slots = {
            (x.name, *slot)
            for x in index.upstreams(planned.contract)
            for slot in slots_read(planned.contract, x, period)
        }
        total += max(sum(sizes.get(slot, 0) for slot in slots), _LEAST_SCANNED)
    return total
