"""Iceberg snapshots of a table's publications: one for each run, once readers by ledger see the run (ADR 30)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lakeworks.contract import Contract
from lakeworks.core.layout import iceberg_prefix, iceberg_table
from lakeworks.core.partition import Partition
from lakeworks.errors import ConfigError, LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.parquet.footer_statistics import object_statistics

if TYPE_CHECKING:
    from lakeworks.iceberg.iceberg_table import IcebergTable

log = logging.getLogger(__name__)


class ObjectsReplaced(ConfigError):
    """A publication has objects of layout `plain`, which are replaced in place."""


@dataclass(frozen=True)
class IcebergSnapshots:
    """Snapshots of one table that has `catalog.iceberg` in its contract."""

    lake: Lake
    contract: Contract

    @property
    def name(self) -> str:
        """Return the name of the table in Glue, beside the Hive table."""
        return iceberg_table(self.contract.table)

    @property
    def table(self) -> "IcebergTable":
        """Return the Iceberg table, with the lake's own clients.

        Raises:
            ConfigError: pyiceberg is not installed.
        """
        if find_spec("pyiceberg") is None:
            raise ConfigError(
                f"`{self.contract.name}` has `catalog.iceberg`, which needs pyiceberg. Nothing was done. Install it: "
                'pip install "lakeworks[iceberg]"'
            )
        from lakeworks.iceberg.glue_pointer import GluePointer
        from lakeworks.iceberg.iceberg_table import IcebergTable
        from lakeworks.iceberg.store_files import StoreFiles

        files = StoreFiles(self.lake.store, iceberg_prefix(self.contract.table))
        database = self.lake.catalog.database(self.contract.table)
        pointer = GluePointer(self.lake.catalog.client, database, self.name, files.location)
        read_footer = partial(object_statistics, self.lake.store)
        return IcebergTable(self.contract, files, pointer, self.lake.store.now, read_footer)

    def check(self) -> None:
        """Refuse, before anything is published, a change of the contract that the Iceberg table cannot follow.

        Raises:
            SchemaDrift, ConfigError: it cannot, with the remedy.
        """
        table = self.table
        table.desired_schema(table.current())

    def show(self, entries: Sequence[LedgerEntry]) -> list[Partition]:
        """Bring the partitions of completed publications in line with what readers by ledger see now."""
        known = {entry.parsed: entry for entry in entries}
        reason = ", ".join(sorted({f"{entry.kind} {entry.run.id}" for entry in entries}))
        return self.show_partitions(list(known), reason, known)

    def show_partitions(
        self, partitions: Sequence[Partition], reason: str, known: Mapping[Partition, LedgerEntry] | None = None
    ) -> list[Partition]:
        """Bring partitions in line with what readers by ledger see now, in one snapshot; return those that changed."""
        try:
            return self.table.follow(partitions, lambda asked: self.visible(asked, known), reason[:500])
        except (ObjectsReplaced, LedgerCorrupt) as error:  # `catalog diff` reports both
            log.warning("`%s`: the Iceberg table was not changed. %s", self.contract.name, error)
            return []

    def repair(self) -> list[Partition]:
        """Bring every partition in line with what readers by ledger see now; return those that were not."""
        return self.table.follow(None, self.visible, "repair")

    def visible(
        self, asked: Sequence[Partition] | None, known: Mapping[Partition, LedgerEntry] | None = None
    ) -> dict[Partition, LedgerEntry | None]:
        """Return the entries that readers by ledger see now, of some partitions or of all.

        The run numbers are read before the entries (ADR 19). An entry in `known` is not read again if it is the newest.
        A partition that the table cannot have is left out: it has no partition values (`verify` reports it).

        Raises:
            ObjectsReplaced: a publication has objects of layout `plain`, which no snapshot may name.
        """
        name = self.contract.table
        ledger = self.lake.with_whole_runs([name]).ledger
        runs = ledger.run_numbers[name]

        def newest(partition: Partition) -> LedgerEntry | None:
            numbers, own = ledger.sequence(name, partition), (known or {}).get(partition)
            if own and own.is_live and numbers and numbers[-1] == own.seq and not runs.hides(own):
                return own
            stored = ledger.newest(name, partition, numbers)
            return stored.entry if stored else None

        entries: dict[Partition, LedgerEntry | None] = (
            {**ledger.live_partitions(name, only=self.contract.could_have)}
            if asked is None
            else dict(zip(asked, self.lake.store.map(newest, asked), strict=True))
        )
        entries = {part: entry for part, entry in entries.items() if self.contract.could_have(part)}
        plain = [entry for entry in entries.values() if entry and entry.objects and entry.layout == "plain"]
        if plain:
            raise ObjectsReplaced(
                f"`{self.contract.name}`: {len(plain)} partitions are published in layout `plain`, first {plain[0].parsed}. A "
                "snapshot may not name objects that are replaced in place. The Iceberg table is unchanged. "
                "Run these partitions again: lakeworks backfill start … --again"
            )
        return entries


def snapshots_of(lake: Lake, contract: Contract) -> IcebergSnapshots | None:
    """Return the table's snapshots; None if its contract asks for none, and in a dev lake.

    A dev lake shows live objects under keys of its own, which a reader of Iceberg does not know.
    """
    return IcebergSnapshots(lake, contract) if contract.catalog.iceberg and not lake.catalog.dev else None
