"""Comparison and repair of the Glue catalog against the ledger, in both directions.

Three listings prove that a partition is right: the ledger's numbers, the table's folders, and Glue's partitions. Each of
Glue's partitions names the ledger entry it was set from, with a checksum (catalog/glue_inputs.py). Ledger entries are read
only where the listings disagree, so 100,000 partitions cost a few hundred calls. `deep` reads every entry.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from typing import Any

from lakeworks.catalog.glue import partition_from_glue
from lakeworks.catalog.glue_inputs import (
    explain,
    merge_existing,
    names_and_types,
    table_input,
)
from lakeworks.catalog.partition_batches import Values, chunks
from lakeworks.contract import Contract
from lakeworks.core.layout import table_prefixes
from lakeworks.core.partition import Partition
from lakeworks.errors import LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.maintenance.catalog_difference import CatalogDifference, dead, no_object, outcome
from lakeworks.maintenance.catalog_suspect import CatalogVerdict, Suspect, folder_of
from lakeworks.maintenance.landing_difference import compare_landing
from lakeworks.maintenance.snapshots.differences import compare_iceberg
from lakeworks.pipeline.registration import EMPTY, catalog_partition, publisher_of, table_parameters
from lakeworks.s3.listed.collection_pace import slow_collection
from lakeworks.status.table_summary import arrived_columns

log = logging.getLogger(__name__)

_ROUNDS = 3
_BATCH = 1000  # ledger entries read, and partitions set, at a time


def compare_catalog(
    lake: Lake,
    contract: Contract,
    *,
    repair: bool = False,
    deep: bool = False,
    patience: timedelta = timedelta(0),
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[CatalogDifference]:
    """Yield each difference between ledger and catalog; with `repair`, repair it first. A second repair finds none.

    `progress` is called with the numbers of partitions done and in total. A repair that Glue refuses has the reason. A
    publication younger than `patience` may still be about to make its Iceberg snapshot.
    """
    with slow_collection():
        yield from _compare_hive_table(lake, contract, repair=repair, deep=deep, progress=progress)
    yield from compare_iceberg(lake, contract, patience, repair=repair)
    yield from compare_landing(lake, contract, repair=repair)


def _compare_hive_table(
    lake: Lake, contract: Contract, *, repair: bool, deep: bool, progress: Callable[[int, int], None] | None
) -> Iterator[CatalogDifference]:
    numbers = lake.ledger.numbers(contract.table)
    work = _Reconciliation(lake, contract, repair, deep, numbers)
    registered = lake.catalog.table(contract.table)
    if registered is None and not numbers:
        return
    yield from work.table(registered)
    if not contract.partition_keys or (registered is None and not repair):
        return
    if registered and [key["Name"] for key in registered["PartitionKeys"]] != [
        key.lower() for key in contract.partition_keys
    ]:
        return
    for done, difference in work.partitions():
        if progress:
            progress(done, max(done, len(numbers)))
        if difference:
            yield difference
    if repair:
        log.info("partition index of %s: %s", contract.name, lake.catalog.ensure_index(contract, len(numbers)))


@dataclass
class _Reconciliation:
    lake: Lake
    contract: Contract
    repair: bool
    deep: bool
    numbers: Mapping[Partition, list[int]]
    done: int = field(default=0, init=False)
    unknown: list[Suspect] = field(default_factory=list, init=False)  # registered, but not in the listing of the ledger
    changed: set[Values] = field(default_factory=set, init=False)  # partitions that this repair set or dropped

    @property
    def location(self) -> str:
        return self.lake.location(self.contract)

    @property
    def inside(self) -> tuple[str, ...]:
        """Return the addresses below which the partitions' objects lie."""
        return tuple(map(self.lake.store.uri, table_prefixes(self.contract.table)))

    def table(self, registered: Mapping[str, Any] | None) -> Iterator[CatalogDifference]:
        """Yield differences of the table itself: missing, or not as in the contract."""
        if registered is None:
            messages = f"{len(self.numbers):,} partitions of it are in the ledger"
            yield CatalogDifference(
                "table not in catalog", Partition(), messages, repaired=self._set_table(missing=True)
            )
            return
        expected = merge_existing(registered, table_input(self.contract, self.location, (), self._parameters()))
        keys = [key["Name"] for key in registered["PartitionKeys"]], [key["Name"] for key in expected["PartitionKeys"]]
        if keys[0] != keys[1]:
            keyed = ["/".join(names) or "nothing" for names in keys]
            messages = f"it is partitioned by {keyed[0]}, the contract by {keyed[1]}"
            advice = "drop the Glue table (no data is lost) and run: lakeworks catalog repair"
            yield CatalogDifference("other partition keys", Partition(), f"{messages}; {advice} {self.contract.name}")
        elif changes := explain(registered, expected):
            repaired = self._set_table(missing=False)
            yield CatalogDifference("table behind contract", Partition(), "; ".join(changes), repaired=repaired)

    def partitions(self) -> Iterator[tuple[int, CatalogDifference | None]]:
        """Yield each partition's difference (None if there is none) with the number of partitions done."""
        columns = names_and_types(self.lake.catalog.columns(self.contract))
        stored = chain.from_iterable(map(self.lake.store.scan, table_prefixes(self.contract.table)))
        folders, inside = {item.key.rpartition("/")[0] for item in stored}, self.inside
        unseen, suspects = set(self.numbers), list[Suspect]()
        for item in self.lake.catalog.partitions(self.contract):
            suspect = Suspect(
                partition_from_glue(self.contract.partition_keys, item["Values"]),
                item,
                folder_of(self.lake, item) in folders,
            )
            unseen.discard(suspect.partition)
            if suspect.partition not in self.numbers:
                self.unknown.append(suspect)
            elif self.deep or not suspect.is_right(self.numbers[suspect.partition][-1], inside, columns):
                suspects.append(suspect)
            else:
                yield self._count(None if suspect.has_objects else no_object(suspect.partition, item))
            if len(suspects) >= _BATCH:
                yield from self._examine(suspects, columns)
                suspects = []
        suspects += [Suspect(partition) for partition in sorted(unseen, key=str)]
        for batch in chunks(suspects, _BATCH):
            yield from self._examine(batch, columns)
        yield from self._drop_unpublished()
        self._align_with_new_columns(columns)
        self._recheck_published_meanwhile()

    def _examine(
        self, suspects: Sequence[Suspect], columns: list[dict[str, str]]
    ) -> Iterator[tuple[int, CatalogDifference | None]]:
        """Read the ledger entries of partitions that the listings do not prove right, and set the wrong ones."""
        entries = self.lake.store.map(lambda suspect: self._live(suspect.partition), suspects)
        verdicts: dict[Values, CatalogVerdict] = {}
        for suspect, entry in zip(suspects, entries, strict=True):
            if entry is None and suspect.registered:
                self.unknown.append(suspect)
            else:
                verdicts[tuple(suspect.partition.values)] = suspect.verdict(self.lake, entry, columns)
        for difference in self._set(verdicts):
            yield self._count(difference)

    def _set(self, verdicts: Mapping[Values, CatalogVerdict]) -> Iterator[CatalogDifference | None]:
        """Set what is wrong if a repair is asked for, and yield each difference with its outcome."""
        refused: dict[Values, str] = {}
        if self.repair:
            calls = self.lake.catalog.calls(self.contract.table)
            inputs = {values: (current, item) for values, (current, item) in verdicts.items() if item}
            new = [item for current, item in inputs.values() if current and current.kind == "not in catalog"]
            registered = [item for current, item in inputs.values() if not current or current.kind != "not in catalog"]
            refused = calls.create(new) | calls.update(registered)
            self.changed |= inputs.keys()
        for values, (current, _) in verdicts.items():
            yield outcome(current, refused.get(values)) if current and self.repair else current

    def _drop_unpublished(self) -> Iterator[tuple[int, CatalogDifference | None]]:
        """Drop partitions that are registered but not published; after the listing, whose pages this would disturb."""
        fresh = self.lake.store.map(lambda suspect: self._live(suspect.partition, fresh=True), self.unknown)
        unpublished = [
            None
            if entry
            else dead(suspect.partition, suspect.registered or {}, foreign=suspect.is_foreign(self.lake, self.contract))
            for suspect, entry in zip(self.unknown, fresh, strict=True)
        ]
        values = [tuple(item.partition.values) for item in unpublished if item and item.kind == "dead in catalog"]
        refused: dict[Values, str] = {}
        if self.repair:
            refused = self.lake.catalog.calls(self.contract.table).delete(values)
            self.changed |= set(values)
        for item in unpublished:
            yield self._count(
                outcome(item, refused.get(tuple(item.partition.values))) if item and self.repair else item
            )

    def _align_with_new_columns(self, columns: list[dict[str, str]]) -> None:
        """Give partitions the columns that a run brought while this repair set them with the columns of before."""
        if self.changed and names_and_types(self.lake.catalog.columns(self.contract)) != columns:
            self.lake.catalog.align(self.contract, on_aligned=self.changed.update)

    def _recheck_published_meanwhile(self) -> None:
        """Register again each partition that was published or withdrawn during its repair. The ledger has its number by now.

        Complete an unfinished publication first, because its writer may have registered it before this repair did.
        """
        publisher = publisher_of(self.lake, self.contract)
        for _ in range(_ROUNDS if self.changed else 0):
            known, self.numbers = self.numbers, self.lake.ledger.numbers(self.contract.table)
            changed = [part for part, numbers in self.numbers.items() if numbers != known.get(part)]
            newer = [part for part in changed if tuple(part.values) in self.changed]
            for partition in newer:
                publisher.recover(self.contract.table, partition)
                if newest := self.lake.ledger.newest(self.contract.table, partition):
                    publisher.register([newest.entry])
            if not newer:
                return

    def _live(self, partition: Partition, *, fresh: bool = False) -> LedgerEntry | LedgerCorrupt | None:
        """Return the partition's current entry, or the error of an unreadable one."""
        table, ledger = self.contract.table, self.lake.ledger
        numbers = ledger.sequence(table, partition) if fresh else self.numbers.get(partition, [])
        try:
            return ledger.standing(table, partition, numbers)
        except LedgerCorrupt as error:
            return error

    def _set_table(self, *, missing: bool) -> bool:
        if self.repair:
            extra = arrived_columns(self.lake, self.contract) if missing else ()
            self.lake.catalog.upsert_table(
                self.contract,
                self.location,
                extra,
                self._parameters(),
                on_aligned=self.changed.update,
            )
        return self.repair

    def _parameters(self) -> dict[str, str]:
        """Return the table's parameters."""
        entry = None if self.contract.partition_keys else self._live(Partition())
        if entry is None and self.numbers and not self.contract.partition_keys:
            return EMPTY
        described = catalog_partition(self.lake, entry) if isinstance(entry, LedgerEntry) and entry.is_live else None
        return table_parameters(self.contract, self.location, self.numbers, described)

    def _count(self, difference: CatalogDifference | None) -> tuple[int, CatalogDifference | None]:
        self.done += 1
        return self.done, difference
