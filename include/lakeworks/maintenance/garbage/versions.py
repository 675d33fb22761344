"""Superseded objects of versioned tables."""

from collections.abc import Iterator, Mapping, Set
from datetime import datetime
from itertools import chain

from lakeworks.contract import Contract
from lakeworks.core.layout import join, versions_partition, versions_roots
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.lake import Lake
from lakeworks.ledger.run_numbers import RunNumbers
from lakeworks.maintenance.garbage.holders import pins_of, released_keys, run_numbers
from lakeworks.maintenance.garbage.leftover import Garbage
from lakeworks.maintenance.snapshots.expiry import expire_snapshots, shown_keys
from lakeworks.pipeline.iceberg_snapshots import snapshots_of
from lakeworks.pipeline.registration import publisher_of
from lakeworks.s3.object_store import StoredObject


def collect_superseded(lake: Lake, contract: Contract, before: datetime, *, dry_run: bool) -> list[Garbage]:
    """Collect immutable objects that no publication within the grace period, no release and no catalog entry names.

    Releases and dev lakes are asked last: a person may name a version while the tables before this one are looked at.
    """
    table = contract.table
    folders: dict[str, list[StoredObject]] = {}
    for item in chain.from_iterable(map(lake.store.scan, versions_roots(table))):
        path = versions_partition(table, item.key)
        if path is not None and item.modified is not None and item.modified < before:
            folders.setdefault(path, []).append(item)
    locations = _locations(lake, contract) if folders else ()
    runs = run_numbers(lake, table) if folders else None
    if runs is None:
        return []
    snapshots = snapshots_of(lake, contract)
    shown = shown_keys(snapshots) if snapshots else frozenset()
    unused: dict[str, list[StoredObject]] = {}
    for path, items in folders.items():
        partition = Partition.parse(path)
        kept = {*_in_use(lake, table, partition, before, runs), *shown}
        dead = [item for item in items if item.key not in kept and not lake.store.uri(item.key).startswith(locations)]
        if dead:
            unused[path] = dead
    unused = _not_held(lake, table, unused)
    if unused and snapshots and not dry_run:  # first: a snapshot never names an object that is gone
        expire_snapshots(snapshots, {item.key for dead in unused.values() for item in dead})
    for path, dead in unused.items():
        partition = Partition.parse(path)
        if not dry_run:
            lake.store.delete(item.key for item in dead)
            _restore_rolled_back(lake, contract, partition, {item.key for item in dead})
    return [
        Garbage("superseded version", join(table.path, path), len(dead), sum(item.size for item in dead))
        for path, dead in unused.items()
    ]


def _locations(lake: Lake, contract: Contract) -> tuple[str, ...]:
    """Return the addresses of immutable objects in the catalog."""
    table = lake.catalog.table(contract.table)
    if table is None:
        return ()
    listed = lake.catalog.partitions(contract) if contract.partition_keys else [table]
    locations = (str(item.get("StorageDescriptor", {}).get("Location", "")) for item in listed)
    roots = tuple(lake.store.uri(root) for root in versions_roots(contract.table))
    return tuple(f"{uri.rstrip('/')}/" for uri in locations if uri.startswith(roots))


def _restore_rolled_back(lake: Lake, contract: Contract, partition: Partition, deleted: Set[str]) -> None:
    """Restore objects that a rollback made live after we read the ledger and before we deleted them."""
    live = lake.ledger.live(contract.table, partition)
    if live and any(item.key in deleted for item in live.objects):
        publisher_of(lake, contract).settle(contract.table, partition)


def _not_held(lake: Lake, table: TableName, unused: Mapping[str, list[StoredObject]]) -> dict[str, list[StoredObject]]:
    """Leave out what a release or a dev lake names; everything, if one of their documents does not parse."""
    released, pins = (released_keys(lake), pins_of(lake, table)) if unused else (None, None)
    if released is None or pins is None:
        return {}
    left = {}
    for path, items in unused.items():
        pinned = {*_pinned(lake, table, Partition.parse(path), pins)}
        left[path] = [item for item in items if item.key not in released and item.key not in pinned]
    return {path: items for path, items in left.items() if items}


def _in_use(lake: Lake, table: TableName, partition: Partition, before: datetime, runs: RunNumbers) -> Iterator[str]:
    """Return the keys of objects that are live, being published, or were live within the grace period.

    S3 says when an entry was completed: the clock of the worker that published may be wrong. Readers by ledger still see
    what was live before a run that is not whole yet.
    """
    for number, written in reversed(lake.ledger.listed(table, partition)):
        entry = lake.ledger.read(table, partition, number).entry
        yield from (item.key for item in entry.objects)
        if entry.state == "published" and written < before and not runs.hides(entry):
            return


def _pinned(lake: Lake, table: TableName, partition: Partition, pins: Mapping[Partition, Set[int]]) -> Iterator[str]:
    """Return the keys of objects that dev lakes read."""
    for number in sorted(pins.get(partition, ())):
        yield from (item.key for item in lake.ledger.read(table, partition, number).entry.objects)
