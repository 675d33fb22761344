"""Verify and repair: ledger, live objects and catalog must say the same; where they do not, who is right is the ledger."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition
from lakeworks.lake import Lake
from lakeworks.ledger.ledger import LedgerEntry
from lakeworks.ledger.publisher import holds
from lakeworks.maintenance.catalog_difference import LEFT_ALONE
from lakeworks.maintenance.catalog_difference import Kind as CatalogKind
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.maintenance.file_schema_check import CatalogColumns
from lakeworks.parquet.encoder import sha256_of
from lakeworks.pipeline.publish import publisher_of

ObjectKind = Literal["unfinished", "missing object", "changed object", "foreign object"]
# Either may be wrong, the file or the catalog: a person decides.
ContentKind = Literal["file contradicts catalog"]
Kind = ObjectKind | ContentKind | CatalogKind


@dataclass(frozen=True)
class Finding:
    """One place where ledger, objects and catalog disagree."""

    kind: Kind
    partition: Partition
    detail: str

    @property
    def can_be_repaired(self) -> bool:
        """What something else wrote is reported and left alone, and so is what only a run can write anew."""
        return self.kind not in ("foreign object", *get_args(ContentKind), *LEFT_ALONE)


def verify(lake: Lake, contract: Contract, *, deep: bool = False) -> list[Finding]:
    """Compare ledger, live objects and catalog of a table.

    `deep` also reads every object: its hash against the ledger's, its columns against what Glue tells readers.
    """
    numbers = lake.ledger.numbers(contract.table)
    latest = lake.store.map(lambda part: lake.ledger.read(contract.table, part, numbers[part][-1]).entry, numbers)
    unfinished = [
        Finding("unfinished", entry.parsed, f"publication {entry.seq} of `{entry.run.id}` was not completed")
        for entry in latest
        if entry.state == "publishing"
    ]
    live = lake.ledger.live_partitions(contract.table)
    catalog = CatalogColumns.of(lake, contract) if deep else None
    checked = lake.store.map(lambda entry: list(_objects(lake, entry, catalog, deep=deep)), live.values())
    return [
        *unfinished,
        *(finding for found in checked for finding in found),
        *_foreign(lake, contract, live),
        *_catalog(lake, contract, deep=deep),
    ]


def repair(lake: Lake, contract: Contract, findings: list[Finding]) -> list[Finding]:
    """Mend what can be repaired, from ledger and object versions; returns what was repaired. Running it again mends nothing."""
    publisher = publisher_of(lake, contract)
    repaired = [finding for finding in findings if finding.can_be_repaired]
    of_objects = [finding for finding in repaired if finding.kind in get_args(ObjectKind)]
    for partition in dict.fromkeys(finding.partition for finding in of_objects):
        publisher.recover(contract.table, partition)
        publisher.settle(contract.table, partition)
    if len(of_objects) == len(repaired):
        return repaired
    left = {item.partition for item in compare_catalog(lake, contract, repair=True, deep=True) if not item.repaired}
    return [finding for finding in repaired if finding in of_objects or finding.partition not in left]


def _objects(lake: Lake, entry: LedgerEntry, catalog: CatalogColumns | None, *, deep: bool) -> Iterator[Finding]:
    for item in entry.objects:
        found = lake.store.head(item.key)
        if found is None:
            told = f"`{item.key}` is gone; version {item.version_id} is published"
            yield Finding("missing object", entry.parsed, told)
            continue
        body = lake.store.get(item.key)[0] if deep else None
        if not holds(found, entry, item) or (body is not None and sha256_of(body) != item.sha256):
            yield Finding("changed object", entry.parsed, f"`{item.key}` is not publication {entry.live_seq}")
        if told_all := catalog.contradictions(entry.parsed, body) if catalog and body is not None else []:
            yield Finding("file contradicts catalog", entry.parsed, _advised(item.key, entry, told_all))


def _advised(key: str, entry: LedgerEntry, told: list[str]) -> str:
    """The contradictions of one file, and which side is repaired how."""
    return (
        f"`{key}`: {'; '.join(told)}. Readers by Glue fail on it or miss it. Nothing was changed. Where Glue is wrong: "
        f"lakeworks catalog repair {entry.table}. (Columns that arrived come back once the Glue table is dropped; no data is "
        "lost.) Where Glue says what the contract does: run the partition again"
    )


def _foreign(lake: Lake, contract: Contract, live: dict[Partition, LedgerEntry]) -> Iterator[Finding]:
    """Objects in the table's folder that no publication names: every reader of the plain path would read them."""
    known = {item.key for entry in live.values() for item in entry.objects}
    for found in lake.store.scan(f"{contract.table.path}/"):
        path = found.key.removeprefix(f"{contract.table.path}/").rpartition("/")[0]
        if found.key not in known and not path.startswith("_") and found.size:
            partition, told = Partition.parse(path), f"`{found.key}` belongs to no publication"
            if not contract.could_have(partition):
                told += f"; `{path}` names no partition of the table"
            yield Finding("foreign object", partition, told)


def _catalog(lake: Lake, contract: Contract, *, deep: bool) -> Iterator[Finding]:
    for item in compare_catalog(lake, contract, deep=deep):
        if item.kind != "no object":  # the object's own finding says so
            yield Finding(item.kind, item.partition, item.detail)
