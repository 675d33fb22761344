"""Partitions that a catalog listing does not prove right, and the verdict on each from its ledger entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakeworks.catalog.glue_inputs import ENTRY, differs, explain, is_untouched, partition_input
from lakeworks.contract import Contract
from lakeworks.core.layout import live_prefix
from lakeworks.core.partition import Partition
from lakeworks.errors import LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.maintenance.catalog_difference import CatalogDifference, no_object
from lakeworks.pipeline.registration import catalog_partition

# The difference, and the input that Glue should have instead.
CatalogVerdict = tuple[CatalogDifference | None, dict[str, Any] | None]


@dataclass(frozen=True)
class Suspect:
    """A partition of the ledger or of the catalog; `registered` is what Glue holds, None if nothing."""

    partition: Partition
    registered: Mapping[str, Any] | None = None
    has_objects: bool = True

    def is_right(self, newest: int, table_locations: tuple[str, ...], columns: list[dict[str, str]]) -> bool:
        """Return True if Glue's partition is right.

        It was set from the newest ledger entry or a later one, is unchanged, and has the table's columns and one of the
        table's folders.
        """
        item = self.registered or {}
        entry = str(item.get("Parameters", {}).get(ENTRY, ""))
        is_newest = entry.isdigit() and int(entry) >= newest
        inside = str(item["StorageDescriptor"].get("Location", "")).startswith(table_locations)
        return is_newest and inside and is_untouched(item, columns)

    def is_foreign(self, lake: Lake, contract: Contract) -> bool:
        """Return True if Glue points to the partition's own folder and that folder has objects.

        In the folder of another partition readers would see that partition's rows twice.
        """
        own = live_prefix(contract.table, self.partition).rstrip("/")
        return self.has_objects and folder_of(lake, self.registered or {}) == own

    def verdict(
        self, lake: Lake, entry: LedgerEntry | LedgerCorrupt | None, columns: list[dict[str, str]]
    ) -> CatalogVerdict:
        """Return the difference between the partition and its ledger entry, and the input that Glue should have instead."""
        if isinstance(entry, LedgerCorrupt):
            return CatalogDifference("ledger unreadable", self.partition, str(entry)), None
        # Never published, about to be registered, or abandoned. `verify` reports the last two.
        if entry is None or not entry.is_live:
            return None, None
        expected = partition_input(catalog_partition(lake, entry), columns)
        if self.registered is None:
            return CatalogDifference(
                "not in catalog", self.partition, f"publication {entry.live_seq} is not registered"
            ), expected
        if messages := explain(self.registered, expected):
            text = f"not as publication {entry.live_seq} says: {'; '.join(messages)}"
            return CatalogDifference("wrong in catalog", self.partition, text), expected
        # An older entry number is no difference: several writers may confirm the same content at once.
        missing = None if self.has_objects else no_object(self.partition, self.registered)
        return missing, expected if differs(self.registered, expected) else None


def folder_of(lake: Lake, item: Mapping[str, Any]) -> str:
    """Return the folder of a Glue partition, as a key of the lake's bucket."""
    location = str(item.get("StorageDescriptor", {}).get("Location", ""))
    _, _, key = location.removeprefix("s3://").partition("/")
    return lake.store.keys.own(key).rstrip("/")
