"""Late data: the partitions that a run has to rebuild, and the inputs it reads for them (contract `late_data`).

Rows that arrived upstream in the run's period decide which partitions are rebuilt. Each partition is built whole from all its
upstream rows, whenever they arrived. So the result does not depend on the order or the number of runs.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakeworks.contract import Contract, LateData
from lakeworks.core.partition import GRAINS, Partition, Period, period_range
from lakeworks.errors import LakeNotFound, LedgerCorrupt, PartitionExplosion
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.ledger import leave_out
from lakeworks.ledger.run_record import RunRecord, load_run_record
from lakeworks.parquet.dataset import open_dataset

log = logging.getLogger(__name__)
Live = Mapping[Partition, LedgerEntry]


@dataclass(frozen=True)
class AffectedPartitions:
    """The partitions that a run rebuilds, by their start (None: rows without a time, which the rules quarantined)."""

    contract: Contract
    late_data: LateData
    starts: tuple[datetime | None, ...]
    arrived: Mapping[str, Live]  # by upstream
    live: Live  # of the table itself, read before any input: a publication in between makes this build stale

    @property
    def based_on(self) -> dict[str, int]:
        """Return the partitions' paths, and the publication of each that was live."""
        live = {part: entry.live_seq for part, entry in self.live.items()}
        return {part.path: live.get(part, 0) for part in partitions_of(self.contract, self.starts)}

    def emptied(self, staged: Iterable[Partition]) -> list[Partition]:
        """Return the live partitions that have no rows any more in this build."""
        return sorted({part for part, entry in self.live.items() if entry.rows} - set(staged))

    def periods(self, upstream: Contract) -> list[Period]:
        """Return the times whose rows of an upstream table these partitions are built from."""
        rebuilt = [partition.period for partition in partitions_of(self.contract, self.starts)]
        built = [period for period in rebuilt if period]
        if built and any(
            item.column is None for item in upstream.partition_by
        ):  # rows of a day arrive on any later one
            return list(period_range(Period.containing(built[0].start, "month"), datetime.now(UTC)))
        return built

    def inputs(self, lake: Lake, upstream: Contract) -> Live:
        """Return the current partitions of an upstream table that may have rows of these partitions."""
        known = [start.replace(tzinfo=UTC) for start in self.starts if start]
        margin = timedelta(days=self.late_data.margin_days)
        if not known:
            entries = lake.ledger.live_partitions(upstream.table)
        elif any(item.column is None for item in upstream.partition_by):
            # A table partitioned by arrival has rows of a day in that day's partition or a later one.
            entries = lake.live_since(upstream, known[0] - margin)
        else:
            end = Period.containing(known[-1], self.contract.partition_by[0].transform).end + margin
            entries = lake.live_between(upstream, known[0] - margin, end)
        return {**self.arrived.get(upstream.name, {}), **entries}


def find_affected(lake: Lake, contract: Contract, late_data: LateData, period: Period) -> AffectedPartitions:
    """Find the partitions affected by upstream arrivals of the period, in this run or in earlier runs of it.

    Raises:
        LakeNotFound: no upstream table was ever run for the period.
        PartitionExplosion: more partitions are affected than the contract allows.
    """
    upstreams = [lake.contract(name) for name in late_data.upstreams]
    arrived = _arrivals(lake, contract, upstreams, period)
    starts: set[datetime | None] = _built_before(lake, contract, period)
    for upstream in upstreams:
        if entries := arrived[upstream.name]:
            with lake.engine.session() as session:
                session.attach(upstream.table, open_dataset(lake.store, upstream, entries.values()))
                starts |= set(session.affected_starts(contract, upstream.table))
    ordered = tuple(sorted(starts, key=lambda item: item or datetime.min))
    partitions = partitions_of(contract, ordered)
    names = [str(partition) for partition in partitions]
    _refuse_too_many(contract, late_data, period, names)
    live = lake.ledger.live_of(contract.table, partitions)
    log.info(
        "%s %s: new rows in %d partitions of %s affect %d partitions (%s)",
        contract.name,
        period,
        sum(map(len, arrived.values())),
        ", ".join(late_data.upstreams),
        len(names),
        ", ".join([*names[:3], "…", *names[-1:]] if len(names) > 4 else names) or "none",
    )
    return AffectedPartitions(contract, late_data, ordered, arrived, live)


def partitions_of(contract: Contract, starts: Iterable[datetime | None]) -> tuple[Partition, ...]:
    """Return the partitions that start at these times; for a table without partitions, the whole table."""
    if not contract.partition_by:
        return (Partition(),) if list(starts) else ()
    grain = contract.partition_by[0].transform
    return tuple(Partition.of_period(Period.containing(start, grain)) for start in starts if start)


def _arrivals(lake: Lake, contract: Contract, upstreams: Sequence[Contract], period: Period) -> dict[str, Live]:
    """Return each upstream's live partitions that its runs of the period wrote."""
    records = {upstream.name: _Records.of(lake, upstream, arrival_period(upstream, period)) for upstream in upstreams}
    if not any(known.were_any for known in records.values()):
        names, first = " and ".join(f"`{name}`" for name in records), upstreams[0].name
        raise LakeNotFound(
            f"`{contract.name}` {period}: {names} {'was' if len(records) == 1 else 'were'} never run for it, so the affected "
            f"partitions are not known. Nothing was staged. Run `{first}` for {period} first; see: lakeworks ledger {first}"
        )
    return {upstream.name: _written(lake, upstream, records[upstream.name]) for upstream in upstreams}


def arrival_period(upstream: Contract, period: Period) -> Period | None:
    """Return the upstream's period whose arrivals a run takes.

    What an upstream receives by longer periods belongs to the run with which the longer one ends: a day's files to hour 23.
    None: no such period ends with the run's.
    """
    grain = next((item.transform for item in upstream.partition_by if item.column is None), None)
    if grain is None or grain not in GRAINS or GRAINS.index(grain) >= GRAINS.index(period.grain):
        return period
    longer = Period.containing(period.start, grain)
    return longer if longer.end == period.end else None


def _written(lake: Lake, upstream: Contract, records: "_Records") -> Live:
    written = records.rebuilt | {item.parsed for record in records.readable for item in record.partitions}
    times = [partition.period for partition in written if partition.period]
    if not written:
        return {}
    if times:
        live = lake.live_between(upstream, min(time.start for time in times), max(time.end for time in times))
    else:
        live = lake.ledger.live_partitions(upstream.table)
    return {partition: entry for partition, entry in live.items() if partition in written}


def _built_before(lake: Lake, contract: Contract, period: Period) -> set[datetime | None]:
    """Return the starts of partitions that earlier runs of the period built, because rows withdrawn since must leave them."""
    times = (partition.period for partition in _Records.of(lake, contract, period).rebuilt)
    return {time.start.replace(tzinfo=None) for time in times if time}


@dataclass(frozen=True)
class _Records:
    """Records of a table's runs of a period, and the partitions written by runs with an unreadable record."""

    readable: tuple[RunRecord, ...]
    otherwise: frozenset[Partition]
    were_any: bool

    @classmethod
    def of(cls, lake: Lake, contract: Contract, period: Period | None) -> "_Records":
        keys = list(lake.ledger.runs(contract.table, period)) if period else []
        readable, damaged = list[RunRecord](), set[str]()
        for key in keys:
            try:
                readable.append(load_run_record(lake.store, key))
            except LedgerCorrupt as error:
                log.warning("The record of a run cannot be read, so the ledger's entries are used: %s", error)
                damaged.add(key)
        return cls(tuple(readable), frozenset(_written_by(lake, contract, damaged)), bool(keys))

    @property
    def rebuilt(self) -> set[Partition]:
        """Return the partitions that the runs rebuilt."""
        return {Partition.parse(path) for record in self.readable for path in record.touched or ()} | self.otherwise


def _written_by(lake: Lake, contract: Contract, records: Set[str]) -> Iterator[Partition]:
    """Yield the partitions that one of these runs published. It reads every entry, so it is for damaged records only."""
    for partition in lake.ledger.numbers(contract.table) if records else ():
        try:
            if any(entry.run_record in records for entry in lake.ledger.history(contract.table, partition)):
                yield partition
        except LedgerCorrupt as error:
            leave_out(partition, error)


def _refuse_too_many(contract: Contract, late_data: LateData, period: Period, names: Sequence[str]) -> None:
    if len(names) > late_data.max_partitions:
        raise PartitionExplosion(
            f"`{contract.name}` {period}: the new rows affect {len(names)} partitions, {names[0]} to {names[-1]}, "
            f"more than `late_data.max_partitions` of {late_data.max_partitions}. Nothing was staged; live data "
            f"is unchanged. Look for wrong dates in `{'`, `'.join(late_data.upstreams)}`; if they are right, raise the "
            "limit and run the period again."
        )
