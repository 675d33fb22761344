"""Index of all published partitions, built from one listing each of catalog, ledger and landing.

A partition's catalog entry names the live publication, the period of the run that built it, and a fingerprint of that run's
inputs. Ledger entries are read only where the catalog is behind the ledger.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from lakeworks.catalog.glue import partition_from_glue
from lakeworks.catalog.glue_inputs import ENTRY
from lakeworks.contract import Contract
from lakeworks.contract.sections import InputRule
from lakeworks.contract.storability import PartitionRules
from lakeworks.core.layout import LEDGER, join, run_numbers_key
from lakeworks.core.partition import GRAINS, Partition, Period, period_range
from lakeworks.errors import LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.run_numbers import RunRegister, RunTicket
from lakeworks.ledger.run_record import inputs_fingerprint
from lakeworks.status.exclusions import Exclusion, ExclusionRegister
from lakeworks.transform.sql import load_sql, upstream

NO_INPUTS = "none"


@dataclass(frozen=True)
class PublishedPartition:
    """A partition that was published at least once."""

    publication: int
    period: str
    inputs: str
    code: str = ""  # fingerprint of the code that built it; empty if an older release published it
    finished: bool = True
    expired: bool = False  # withdrawn at the end of its retention; `publication` is the withdrawn one
    withdrawn: str = ""  # time and run of its withdrawal, if a person withdrew it
    rows: int | None = None
    bytes: int | None = None  # of the live objects; None if the publication is incomplete or withdrawn


@dataclass
class PartitionIndex:
    """Published partitions of a lake's tables, and the current inputs of their runs."""

    lake: Lake
    now: datetime = field(default_factory=lambda: datetime.now(UTC))  # no partition of a later period is expected
    _by_table: dict[str, dict[Partition, PublishedPartition]] = field(default_factory=dict)
    _by_time: dict[tuple[str, str, bool], dict[str, list[tuple[str, str, int]]]] = field(default_factory=dict)
    _upstreams: dict[str, list[Contract]] = field(default_factory=dict)
    _runs: dict[str, dict[str, tuple[datetime, str]]] = field(default_factory=dict)
    _half_runs: dict[str, dict[Partition, tuple[int, RunTicket]]] = field(default_factory=dict)

    def published(self, contract: Contract) -> dict[Partition, PublishedPartition]:
        """Return every partition of a table that is published, or about to be."""
        everything = self._published_of(contract).items()
        return {partition: item for partition, item in everything if not item.expired and not item.withdrawn}

    def expired(self, contract: Contract) -> dict[Partition, PublishedPartition]:
        """Return the partitions of a table that were withdrawn at the end of their retention."""
        return {partition: item for partition, item in self._published_of(contract).items() if item.expired}

    def withdrawn(self, contract: Contract) -> dict[Partition, PublishedPartition]:
        """Return the partitions of a table that a person withdrew, and that nothing published since."""
        return {partition: item for partition, item in self._published_of(contract).items() if item.withdrawn}

    def _published_of(self, contract: Contract) -> dict[Partition, PublishedPartition]:
        if contract.name not in self._by_table:
            self._by_table[contract.name] = _published(self.lake, contract)
        return self._by_table[contract.name]

    def half_runs(self, contract: Contract) -> dict[Partition, tuple[int, RunTicket]]:
        """Return the partitions of runs without a number: the run's entry number there, and its ticket."""
        if contract.name not in self._half_runs:
            there = self.lake.store.head(run_numbers_key(contract.table))  # most tables have none
            tickets = RunRegister(self.lake.store).read(contract.table).open if there else ()
            taken = [
                (Partition.parse(path), seq, ticket) for ticket in tickets for path, seq in ticket.partitions.items()
            ]
            self._half_runs[contract.name] = {partition: (seq, ticket) for partition, seq, ticket in taken}
        return self._half_runs[contract.name]

    def upstreams(self, contract: Contract) -> list[Contract]:
        """Return the tables that a table is built from."""
        if contract.name not in self._upstreams:
            sql = load_sql(contract)
            contracts = [self.lake.contract(str(name)) for name in upstream(sql)] if sql else []
            self._upstreams[contract.name] = contracts
        return self._upstreams[contract.name]

    @cached_property
    def _exclusions(self) -> dict[str, list[Exclusion]]:
        by_table: dict[str, list[Exclusion]] = {}
        for item in ExclusionRegister(self.lake.store).all():
            by_table.setdefault(item.table, []).append(item)
        return by_table

    def exclusions(self, contract: Contract) -> list[Exclusion]:
        """Return the ranges of a table that a person excluded from plans."""
        return self._exclusions.get(contract.name, [])

    def slots(self, contract: Contract) -> set[Period]:
        """Return the periods that a table has partitions for, without partitions it cannot have."""
        rules = PartitionRules(contract)
        return {slot for part in self.published(contract) if (slot := part.period) and not rules.fault(part)}

    def slots_taken_out(self, contract: Contract) -> set[Period]:
        """Return the time slots whose partitions were withdrawn, by a person or at the end of their retention."""
        gone = (*self.expired(contract), *self.withdrawn(contract))
        return {slot for partition in gone if (slot := partition.period)}

    def fingerprint(self, contract: Contract, period: Period, *, expired: bool = False) -> str:
        """Return the hash of the current inputs of a run of the period, to compare with `PublishedPartition.inputs`.

        With `expired`, include upstream partitions that were withdrawn at the end of their retention since.
        """
        publications: set[tuple[str, str, int]] = set()
        for source in self.upstreams(contract):
            if contract.inputs.get(source.name, InputRule()).as_found:
                continue
            for cut, key in slots_read(contract, source, period):
                publications.update(self._at(source, cut, expired=expired).get(key, []))
        return inputs_fingerprint(publications) or NO_INPUTS

    def has_expired_input(self, contract: Contract, period: Period) -> bool:
        """Return whether an upstream partition that a run of the period read has expired. Then it cannot be rebuilt."""
        for source in self.upstreams(contract):
            reads_all = contract.inputs.get(source.name, InputRule()).whole
            for cut, key in () if reads_all else slots_read(contract, source, period):
                if self._at(source, cut, expired=True).get(key) != self._at(source, cut, expired=False).get(key):
                    return True
        return False

    def runs(self, contract: Contract) -> dict[str, tuple[datetime, str]]:
        """Return when the last run of each period was recorded, and which attempt it was."""
        if contract.name not in self._runs:
            self._runs[contract.name] = self.newest(join(LEDGER, contract.table.path, "_runs") + "/")
        return self._runs[contract.name]

    def recorded(self, contract: Contract) -> Iterator[tuple[Period, datetime]]:
        """Return the periods of a table's runs and when the last of each was recorded."""
        for key, (at, _) in self.runs(contract).items():
            if period := Period.find(key):
                yield period, at

    def newest(self, root: str) -> dict[str, tuple[datetime, str]]:
        """Return the newest object of every folder below a prefix, by folder: its time, and its name without the ending."""
        newest: dict[str, tuple[datetime, str]] = {}
        for item in self.lake.store.scan(root):
            folder, _, name = item.key.removeprefix(root).rpartition("/")
            if item.modified and (folder not in newest or item.modified >= newest[folder][0]):
                newest[folder] = item.modified, name.rpartition(".")[0]
        return newest

    def _at(self, contract: Contract, grain: str, *, expired: bool) -> dict[str, list[tuple[str, str, int]]]:
        """Group publications by month, day or hour. A table without time partitions has one group with an empty key."""
        if (contract.name, grain, expired) not in self._by_time:
            index: dict[str, list[tuple[str, str, int]]] = {}
            there = self.published(contract) | (self.expired(contract) if expired else {})
            for partition, item in there.items():
                slot = partition.period
                key = str(Period.containing(slot.start, grain)) if slot and grain else ""
                index.setdefault(key, []).append((contract.name, partition.path, item.publication))
            self._by_time[contract.name, grain, expired] = index
        return self._by_time[contract.name, grain, expired]


def slots_read(contract: Contract, source: Contract, period: Period) -> Iterator[tuple[str, str]]:
    """Yield the periods of an upstream table that a run reads, as (grain, key). `pipeline.write` reads the same."""
    grain, rule = source.time_grain, contract.inputs.get(source.name, InputRule())
    if grain is None or rule.whole:
        yield "", ""
    elif rule.look_back_days:
        first = Period.containing(period.start - timedelta(days=rule.look_back_days), grain)
        yield from ((grain, str(slot)) for slot in period_range(first, period.end))
    else:
        cut = GRAINS[min(GRAINS.index(grain), GRAINS.index(period.grain))]
        for read in period.with_earlier(contract.look_back_periods):
            yield cut, str(Period.containing(read.start, cut))


def _published(lake: Lake, contract: Contract) -> dict[Partition, PublishedPartition]:
    with ThreadPoolExecutor(1) as pool:  # Glue answers while S3's pages are read
        listing = pool.submit(_listed, lake, contract)
        numbers = lake.ledger.numbers(contract.table)
        listed = listing.result() if numbers else {}
    published: dict[Partition, PublishedPartition] = {}
    behind: list[Partition] = []
    for partition, taken in numbers.items():
        says = listed.get(partition, {})
        if says.get(ENTRY) == str(taken[-1]) and "lakeworks.inputs" in says:
            published[partition] = _as_listed(says)
        else:
            behind.append(partition)
    read = lake.store.map(lambda partition: _read(lake, contract, partition, numbers[partition]), behind)
    return published | {partition: item for partition, item in zip(behind, read, strict=True) if item}


def _listed(lake: Lake, contract: Contract) -> dict[Partition, Mapping[str, str]]:
    """Return the parameters of every partition in the catalog. A table without partitions has them itself."""
    table = lake.catalog.table(contract.table)
    if table is None:
        return {}
    if not (keys := contract.partition_keys):
        return {Partition(): table.get("Parameters", {})}
    registered = lake.catalog.calls(contract.table).listing(columns=False)
    return {partition_from_glue(keys, item["Values"]): item.get("Parameters", {}) for item in registered}


def _as_listed(says: Mapping[str, str]) -> PublishedPartition:
    """Return a partition from its catalog entry. Another program may have removed the entry's statistics."""
    publication = int(says["lakeworks.publication"])
    rows, size = says.get("numRows", ""), says.get("totalSize", "")
    code = says.get("lakeworks.code", "none")
    return PublishedPartition(
        publication,
        says["lakeworks.period"],
        says["lakeworks.inputs"],
        "" if code == "none" else code,
        rows=int(rows) if rows.isdecimal() else None,
        bytes=int(size) if size.isdecimal() else None,
    )


def _read(lake: Lake, contract: Contract, partition: Partition, numbers: list[int]) -> PublishedPartition | None:
    """Read a partition from the ledger if the catalog is behind; None if it was never completed, or has no rows."""
    try:
        newest = lake.ledger.read(contract.table, partition, numbers[-1]).entry
        live = newest if newest.is_live else lake.ledger.live(contract.table, partition, numbers[:-1])
    except LedgerCorrupt:
        return PublishedPartition(numbers[-1], "", "", finished=False)
    if newest.state == "publishing":
        return PublishedPartition(newest.seq, newest.period, newest.inputs or NO_INPUTS, newest.code, finished=False)
    if newest.is_live and newest.kind == "expired":
        return PublishedPartition(newest.based_on or 0, newest.period, newest.inputs or NO_INPUTS, expired=True)
    if newest.is_live and newest.kind == "withdrawal":
        act = f"{newest.published_at or newest.reserved_at:%Y-%m-%d %H:%M} UTC, by run {newest.run.id}"
        return PublishedPartition(newest.seq, newest.period, newest.inputs or NO_INPUTS, withdrawn=act)
    if live is None or not live.objects:
        return None
    inputs = live.inputs or NO_INPUTS
    return PublishedPartition(live.live_seq, live.period, inputs, live.code, rows=live.rows, bytes=live.size)
