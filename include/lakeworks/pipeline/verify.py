"""Verify and repair: ledger, live objects and catalog must say the same; where they do not, who is right is the ledger."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from lakeworks.catalog.glue import partition_from_glue
from lakeworks.catalog.tables import differs, partition_input
from lakeworks.contract import Contract
from lakeworks.layout import join
from lakeworks.partition import Partition
from lakeworks.pipeline.lake import Lake
from lakeworks.pipeline.publish import Registrar, catalog_partition
from lakeworks.storage.ledger import LedgerEntry
from lakeworks.storage.parquet import sha256_of
from lakeworks.storage.publication import Publisher, holds

Kind = Literal[
    "unfinished",
    "missing object",
    "changed object",
    "foreign object",
    "not in catalog",
    "dead in catalog",
    "wrong in catalog",
]


@dataclass(frozen=True)
class Finding:
    """One place where ledger, objects and catalog disagree."""

    kind: Kind
    partition: Partition
    detail: str

    @property
    def can_be_repaired(self) -> bool:
        """What something else wrote is reported and left alone."""
        return self.kind != "foreign object"


def verify(lake: Lake, contract: Contract, *, deep: bool = False) -> list[Finding]:
    """Compare ledger, live objects and catalog of a table; `deep` also reads every object and hashes it."""
    numbers = lake.ledger.numbers(contract.table)
    latest = lake.store.map(lambda part: lake.ledger.read(contract.table, part, numbers[part][-1]).entry, numbers)
    unfinished = [
        Finding("unfinished", entry.parsed, f"publication {entry.seq} of `{entry.run.id}` was not completed")
        for entry in latest
        if entry.state == "publishing"
    ]
    live = lake.ledger.live_partitions(contract.table)
    checked = lake.store.map(lambda entry: list(_objects(lake, entry, deep=deep)), live.values())
    return [
        *unfinished,
        *(finding for found in checked for finding in found),
        *_foreign(lake, contract, live),
        *_catalog(lake, contract, live),
    ]


def repair(lake: Lake, contract: Contract, findings: list[Finding]) -> list[Finding]:
    """Mend what can be mended, from ledger and object versions; returns what was mended. Running it again mends nothing."""
    publisher = Publisher(lake.ledger, Registrar(lake, contract))
    mended = [finding for finding in findings if finding.can_be_repaired]
    dead = [finding.partition for finding in mended if finding.kind == "dead in catalog"]
    for partition in dict.fromkeys(finding.partition for finding in mended if finding.partition not in dead):
        publisher.recover(contract.table, partition)
        publisher.settle(contract.table, partition)
    lake.catalog.drop_partitions(contract, dead)
    return mended


def _objects(lake: Lake, entry: LedgerEntry, *, deep: bool) -> Iterator[Finding]:
    for item in entry.objects:
        found = lake.store.head(item.key)
        if found is None:
            yield Finding(
                "missing object", entry.parsed, f"`{item.key}` is gone; version {item.version_id} is published"
            )
        elif not holds(found, entry, item) or (deep and sha256_of(lake.store.get(item.key)[0]) != item.sha256):
            yield Finding("changed object", entry.parsed, f"`{item.key}` is not publication {entry.live_seq}")


def _foreign(lake: Lake, contract: Contract, live: dict[Partition, LedgerEntry]) -> Iterator[Finding]:
    """Objects in the table's folder that no publication names: every reader of the plain path would read them."""
    known = {item.key for entry in live.values() for item in entry.objects}
    for found in lake.store.scan(f"{contract.table.path}/"):
        path = found.key.removeprefix(f"{contract.table.path}/").rpartition("/")[0]
        if found.key not in known and not path.startswith("_") and found.size:
            yield Finding("foreign object", Partition.parse(path), f"`{found.key}` belongs to no publication")


def _catalog(lake: Lake, contract: Contract, live: dict[Partition, LedgerEntry]) -> Iterator[Finding]:
    if not contract.partition_keys:
        if live and lake.catalog.table(contract.table) is None:
            yield Finding("not in catalog", Partition(), "the table is not registered")
        return
    if lake.catalog.table(contract.table) is None:
        yield from (Finding("not in catalog", part, "the table is not registered") for part in live)
        return
    columns = lake.catalog.columns(contract)
    listed = {partition_from_glue(contract, item["Values"]): item for item in lake.catalog.partitions(contract)}
    for partition, entry in live.items():
        if partition not in listed:
            yield Finding("not in catalog", partition, f"publication {entry.live_seq} is not registered")
            continue
        wanted: dict[str, Any] = partition_input(catalog_partition(lake, entry), columns)
        if wrong := differs(listed[partition], wanted):
            yield Finding("wrong in catalog", partition, f"differs from publication {entry.live_seq} in {join(*wrong)}")
    for partition in listed.keys() - live.keys():
        yield Finding("dead in catalog", partition, "registered, but nothing is published")
