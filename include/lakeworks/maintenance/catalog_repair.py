"""Ledger and catalog, brought together: what Glue lists of a table against what is published, in both directions.

Three listings say enough about a partition that is right: the ledger's numbers, the table's folders, and Glue's partitions,
which name the ledger entry they were set from under a seal (catalog/glue_inputs.py). Ledger entries are read only where these
disagree, so that 100,000 partitions cost a few hundred calls, not 100,000 reads. `deep` reads every entry all the same.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lakeworks.catalog.glue import partition_from_glue
from lakeworks.catalog.glue_inputs import (
    ENTRY,
    differs,
    explain,
    is_untouched,
    merge_existing,
    names_and_types,
    partition_input,
    table_input,
)
from lakeworks.catalog.partition_batches import Values, chunks
from lakeworks.contract import Contract
from lakeworks.core.layout import live_prefix
from lakeworks.core.partition import Partition
from lakeworks.errors import LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.maintenance.catalog_difference import CatalogDifference, dead, no_object, outcome
from lakeworks.pipeline.publish_step import publisher_of
from lakeworks.pipeline.registration import catalog_partition, table_parameters
from lakeworks.status.table_summary import arrived_columns

log = logging.getLogger(__name__)

_ROUNDS = 3
_BATCH = 1000  # ledger entries read, and partitions set, at a time


@dataclass(frozen=True)
class _Suspect:
    """A partition that the listings do not clear; `found` is what Glue holds, None if nothing."""

    partition: Partition
    found: Mapping[str, Any] | None = None
    has_objects: bool = True


def compare_catalog(
    lake: Lake,
    contract: Contract,
    *,
    repair: bool = False,
    deep: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[CatalogDifference]:
    """Every difference between ledger and catalog, as it is found and (with `repair`) repaired; running it again finds none.

    `progress` is called with the number of partitions done and of all. What Glue refuses comes back with its reason.
    """
    numbers = lake.ledger.numbers(contract.table)
    work = _Reconciliation(lake, contract, repair, deep, numbers)
    found = lake.catalog.table(contract.table)
    if found is None and not numbers:
        return
    yield from work.table(found)
    if not contract.partition_keys or (found is None and not repair):
        return
    if found and [key["Name"] for key in found["PartitionKeys"]] != [key.lower() for key in contract.partition_keys]:
        return
    for done, difference in work.partitions():
        if progress:
            progress(done, max(done, len(numbers)))
        if difference:
            yield difference
    if repair:
        log.info("partition index of %s: %s", contract.name, lake.catalog.ensure_index(contract, len(numbers)))


_Verdict = tuple[CatalogDifference | None, dict[str, Any] | None]  # what is wrong, and what Glue should hold instead


@dataclass
class _Reconciliation:
    lake: Lake
    contract: Contract
    repair: bool
    deep: bool
    numbers: Mapping[Partition, list[int]]
    done: int = field(default=0, init=False)
    strange: list[_Suspect] = field(default_factory=list, init=False)  # registered, and not known to be published
    touched: set[Values] = field(default_factory=set, init=False)  # set or dropped by us

    @property
    def location(self) -> str:
        return self.lake.location(self.contract)

    def table(self, found: Mapping[str, Any] | None) -> Iterator[CatalogDifference]:
        """The table itself: there, and as the contract says."""
        if found is None:
            messages = f"{len(self.numbers):,} partitions of it are in the ledger"
            yield CatalogDifference(
                "table not in catalog", Partition(), messages, repaired=self._set_table(missing=True)
            )
            return
        wanted = table_input(self.contract, self.location, (), self._more())
        wanted = merge_existing(found, wanted)
        keys = [key["Name"] for key in found["PartitionKeys"]], [key["Name"] for key in wanted["PartitionKeys"]]
        if keys[0] != keys[1]:
            keyed = ["/".join(names) or "nothing" for names in keys]
            messages = f"it is partitioned by {keyed[0]}, the contract by {keyed[1]}"
            advice = "drop the Glue table (no data is lost) and run: lakeworks catalog repair"
            yield CatalogDifference("other partition keys", Partition(), f"{messages}; {advice} {self.contract.name}")
        elif told_all := explain(found, wanted):
            repaired = self._set_table(missing=False)
            yield CatalogDifference("table behind contract", Partition(), "; ".join(told_all), repaired=repaired)

    def partitions(self) -> Iterator[tuple[int, CatalogDifference | None]]:
        """Each partition's difference, or None, with how many are done."""
        columns = names_and_types(self.lake.catalog.columns(self.contract))
        folders = {item.key.rpartition("/")[0] for item in self.lake.store.scan(f"{self.contract.table.path}/")}
        unseen, suspects = set(self.numbers), list[_Suspect]()
        for item in self.lake.catalog.partitions(self.contract):
            suspect = _Suspect(partition_from_glue(self.contract, item["Values"]), item, self._folder(item) in folders)
            unseen.discard(suspect.partition)
            if suspect.partition not in self.numbers:
                self.strange.append(suspect)
            elif self.deep or not self._is_right(suspect, columns):
                suspects.append(suspect)
            else:
                yield self._count(None if suspect.has_objects else no_object(suspect.partition, item))
            if len(suspects) >= _BATCH:
                yield from self._examine(suspects, columns)
                suspects = []
        suspects += [_Suspect(partition) for partition in sorted(unseen, key=str)]
        for batch in chunks(suspects, _BATCH):
            yield from self._examine(batch, columns)
        yield from self._drop_unpublished()
        self._recheck_published_meanwhile()

    def _is_right(self, suspect: _Suspect, columns: list[dict[str, str]]) -> bool:
        """Set from the newest ledger entry we know of, changed by no one since, inside the table, with its columns."""
        item = suspect.found or {}
        entry = str(item.get("Parameters", {}).get(ENTRY, ""))
        newest = entry.isdigit() and int(entry) >= self.numbers[suspect.partition][-1]
        inside = str(item["StorageDescriptor"].get("Location", "")).startswith(self.location)
        return newest and inside and is_untouched(item, columns)

    def _examine(
        self, suspects: Sequence[_Suspect], columns: list[dict[str, str]]
    ) -> Iterator[tuple[int, CatalogDifference | None]]:
        """Ask the ledger about partitions that the listings do not clear, and set those that are wrong."""
        entries = self.lake.store.map(lambda suspect: self._live(suspect.partition), suspects)
        verdicts: dict[Values, _Verdict] = {}
        for suspect, entry in zip(suspects, entries, strict=True):
            if entry is None and suspect.found:
                self.strange.append(suspect)
            else:
                verdicts[tuple(suspect.partition.values)] = self._judge(suspect, entry, columns)
        for difference in self._set(verdicts):
            yield self._count(difference)

    def _judge(
        self, suspect: _Suspect, entry: LedgerEntry | LedgerCorrupt | None, columns: list[dict[str, str]]
    ) -> _Verdict:
        """Return the difference of a partition, and the input that Glue should have instead."""
        partition, found = suspect.partition, suspect.found
        if isinstance(entry, LedgerCorrupt):
            return CatalogDifference("ledger unreadable", partition, str(entry)), None
        if entry is None or not entry.is_live:  # never published; or about to be registered, or abandoned: verify tells
            return None, None
        wanted = partition_input(catalog_partition(self.lake, entry), columns)
        if found is None:
            return CatalogDifference(
                "not in catalog", partition, f"publication {entry.live_seq} is not registered"
            ), wanted
        if messages := explain(found, wanted):
            text = f"not as publication {entry.live_seq} says: {'; '.join(messages)}"
            return CatalogDifference("wrong in catalog", partition, text), wanted
        # An entry number that is behind is no difference: writers that confirm the same content race for it.
        missing = None if suspect.has_objects else no_object(partition, found)
        return missing, wanted if differs(found, wanted) else None

    def _set(self, verdicts: Mapping[Values, _Verdict]) -> Iterator[CatalogDifference | None]:
        """Set what is wrong, if that is wanted, and tell what became of it."""
        refused: dict[Values, str] = {}
        if self.repair:
            calls = self.lake.catalog.calls(self.contract.table)
            wanted = {values: (found, item) for values, (found, item) in verdicts.items() if item}
            new = [item for found, item in wanted.values() if found and found.kind == "not in catalog"]
            held = [item for found, item in wanted.values() if not found or found.kind != "not in catalog"]
            refused = calls.create(new) | calls.update(held)
            self.touched |= wanted.keys()
        for values, (found, _) in verdicts.items():
            yield outcome(found, refused.get(values)) if found and self.repair else found

    def _drop_unpublished(self) -> Iterator[tuple[int, CatalogDifference | None]]:
        """Drop what is registered without being published: after the listing, whose pages it would disturb."""
        fresh = self.lake.store.map(lambda suspect: self._live(suspect.partition, fresh=True), self.strange)
        found = [
            None if entry else dead(suspect.partition, suspect.found or {}, foreign=self._is_foreign(suspect))
            for suspect, entry in zip(self.strange, fresh, strict=True)
        ]
        values = [tuple(item.partition.values) for item in found if item and item.kind == "dead in catalog"]
        refused: dict[Values, str] = {}
        if self.repair:
            refused = self.lake.catalog.calls(self.contract.table).delete(values)
            self.touched |= set(values)
        for item in found:
            yield self._count(
                outcome(item, refused.get(tuple(item.partition.values))) if item and self.repair else item
            )

    def _is_foreign(self, suspect: _Suspect) -> bool:
        """Objects in the partition's own folder; one that points into another partition's would show those rows twice."""
        own = live_prefix(self.contract.table, suspect.partition).rstrip("/")
        return suspect.has_objects and self._folder(suspect.found or {}) == own

    def _recheck_published_meanwhile(self) -> None:
        """Register again what was published or withdrawn while we repaired it: its number is in the ledger by now.

        An unfinished publication is finished first, because its writer may have registered it before we did.
        """
        publisher = publisher_of(self.lake, self.contract)
        for _ in range(_ROUNDS if self.touched else 0):
            known, self.numbers = self.numbers, self.lake.ledger.numbers(self.contract.table)
            changed = [part for part, numbers in self.numbers.items() if numbers != known.get(part)]
            newer = [part for part in changed if tuple(part.values) in self.touched]
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
                self._more(),
                on_aligned=self.touched.update,
            )
        return self.repair

    def _more(self) -> dict[str, str]:
        """Return the table's parameters."""
        entry = None if self.contract.partition_keys else self._live(Partition())
        whole = catalog_partition(self.lake, entry) if isinstance(entry, LedgerEntry) and entry.is_live else None
        return table_parameters(self.contract, self.location, self.numbers, whole)

    def _folder(self, item: Mapping[str, Any]) -> str:
        location = str(item.get("StorageDescriptor", {}).get("Location", ""))
        return location.removeprefix(self.lake.store.uri("")).rstrip("/")

    def _count(self, difference: CatalogDifference | None) -> tuple[int, CatalogDifference | None]:
        self.done += 1
        return self.done, difference
