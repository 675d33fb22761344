"""Registration: bring the catalog's table and partitions in line with ledger entries."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from lakeworks.catalog.glue_inputs import ENTRY, CatalogPartition
from lakeworks.catalog.partition_batches import Values
from lakeworks.catalog.partition_projection import projection
from lakeworks.contract import Contract
from lakeworks.core.partition import Partition
from lakeworks.core.types import LakeType
from lakeworks.errors import LakeUnavailable, LedgerCorrupt, LostRace, TerminalError
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry, Stored
from lakeworks.ledger.ledger import leave_out
from lakeworks.ledger.publisher import Publisher
from lakeworks.pipeline.iceberg_snapshots import snapshots_of

log = logging.getLogger(__name__)
# Parameters of a withdrawn table without partitions.
EMPTY = {"numRows": "0", "totalSize": "0"}
# Number of times that partitions are registered again because others publish them at the same time.
_ROUNDS = 6


@dataclass(frozen=True)
class Registrar:
    """Writer of ledger entries into the catalog."""

    lake: Lake
    contract: Contract
    extra: tuple[tuple[str, LakeType], ...] = ()

    def __call__(self, entries: Sequence[LedgerEntry]) -> None:
        """Upsert the table and the entries' partitions; a withdrawn partition leaves the catalog.

        A withdrawn table without partitions stays in the catalog, marked as empty. So does a table whose last partition
        was withdrawn.
        """
        partitions = [catalog_partition(self.lake, entry) for entry in entries if entry.objects]
        location = self.lake.location(self.contract)
        if not partitions:
            self._set(entries)
            if entries and not self.contract.partition_keys:
                self.lake.catalog.upsert_table(self.contract, location, self.extra, EMPTY)
            return
        more = table_parameters(self.contract, location, [item.partition for item in partitions], partitions[0])
        aligned: dict[Values, int] = {}
        self.lake.catalog.upsert_table(self.contract, location, self.extra, more, on_aligned=aligned.update)
        self._set(entries)
        # These have their own entry numbers in Glue by now. The ledger may not list those as complete yet.
        aligned.update({values: entry.seq for entry in entries if (values := tuple(entry.parsed.values)) in aligned})
        self._register_newer(aligned)

    def _set(self, entries: Sequence[LedgerEntry]) -> None:
        withdrawn = [entry.parsed for entry in entries if not entry.objects]
        if withdrawn and self.contract.partition_keys:
            self.lake.catalog.drop_partitions(self.contract, withdrawn)
        partitions = [catalog_partition(self.lake, entry) for entry in entries if entry.objects]
        self.lake.catalog.upsert_partitions(self.contract, partitions)

    def _register_newer(self, aligned: dict[Values, int]) -> None:
        """Register partitions that were published while they got new columns: Glue updates have no conditions.

        `aligned` maps the partitions to the ledger entries they were set from.
        """
        for _ in range(_ROUNDS if aligned else 0):
            numbers = self.lake.ledger.numbers(self.contract.table)
            behind = [part for part, taken in numbers.items() if aligned.get(tuple(part.values), taken[-1]) < taken[-1]]
            stored = [self._newest(part, numbers[part]) for part in behind]
            newer = [
                item.entry for item in stored if item and item.entry.seq > aligned[tuple(item.entry.parsed.values)]
            ]
            if not newer:
                return
            self._set(newer)
            aligned.update({tuple(entry.parsed.values): entry.seq for entry in newer})
        if aligned:
            raise LakeUnavailable(
                f"`{self.contract.name}`: the table has new columns, and other runs kept publishing its partitions while they "
                "got them. Their rows are live in the ledger; the catalog may name earlier ones. "
                f"Run: lakeworks catalog repair {self.contract.name}"
            )

    def _newest(self, partition: Partition, numbers: list[int]) -> Stored | None:
        """Return the newest complete entry. Complete an unfinished one first: its writer may have registered it already."""
        table, ledger = self.contract.table, self.lake.ledger
        try:
            if ledger.read(table, partition, numbers[-1]).entry.state != "publishing":
                return ledger.newest(table, partition, numbers)
            try:
                publisher_of(self.lake, self.contract, self.extra).recover(table, partition)
            except (TerminalError, LostRace) as error:  # its own run says what is wrong with it
                log.warning("`%s` %s: an unfinished publication was left to its run: %s", table, partition, error)
            return ledger.newest(table, partition)
        except LedgerCorrupt as error:
            leave_out(partition, error)
            return None


def publisher_of(lake: Lake, contract: Contract, extra: Iterable[tuple[str, LakeType]] = ()) -> Publisher:
    """Return the table's publisher. It sends lineage events for publications it completes, because their writer may be dead."""
    report = partial(lake.lineage.rolled_forward, contract)
    publisher = Publisher(lake.ledger, Registrar(lake, contract, tuple(extra)), on_recovered=report)
    snapshots = snapshots_of(lake, contract)
    return replace(publisher, on_visible=snapshots.show) if snapshots else publisher


def table_parameters(
    contract: Contract, location: str, published: Iterable[Partition], whole: CatalogPartition | None = None
) -> dict[str, str]:
    """Return the table's parameters: projected years, or the statistics of a table that is one partition."""
    if contract.partition_keys:
        return projection(contract, location, published)
    return {"numRows": str(whole.rows), "totalSize": str(whole.bytes), **whole.parameters} if whole else {}


def catalog_partition(lake: Lake, entry: LedgerEntry) -> CatalogPartition:
    """Return the catalog's partition for a current entry; it names the publication whose objects are current."""
    parameters = {
        ENTRY: str(entry.seq),
        "lakeworks.publication": str(entry.live_seq),
        "lakeworks.period": entry.period,
        "lakeworks.inputs": entry.inputs or "none",
        "lakeworks.code": entry.code or "none",
        "lakeworks.published-at": entry.reserved_at.isoformat(timespec="seconds"),
        "lakeworks.content": entry.content[:64],
        "lakeworks.audit": "passed" if (entry.audit or {}).get("passed") else "none",
    }
    return CatalogPartition(entry.parsed, lake.store.uri(entry.location), entry.rows, entry.size, parameters)
