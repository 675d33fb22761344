"""Garbage collection: old staging folders, superseded objects and snapshots of versioned tables, and abandoned uploads."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from lakeworks.aws_errors import translated
from lakeworks.branches.pins import pinned_numbers
from lakeworks.contract import Contract
from lakeworks.core.layout import (
    RELEASES,
    STAGING,
    is_tenants,
    join,
    own_key,
    versions_partition,
    versions_roots,
)
from lakeworks.core.names import LAYERS, TableName
from lakeworks.core.partition import Partition
from lakeworks.core.tenant import Tenant
from lakeworks.errors import LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.ledger.run_numbers import RunNumbers, RunRegister
from lakeworks.maintenance.snapshots.expiry import expire_snapshots, remove_unnamed, shown_keys
from lakeworks.pipeline.iceberg_snapshots import snapshots_of
from lakeworks.pipeline.publish_step import publisher_of
from lakeworks.releases.holding import copies, named_keys
from lakeworks.s3.object_store import StoredObject

log = logging.getLogger(__name__)
# Longer than any task runs, because a younger attempt may still be alive.
GRACE = timedelta(hours=24)


@dataclass(frozen=True)
class Garbage:
    """An object or upload that can be removed."""

    kind: str
    where: str
    objects: int
    bytes: int


def collect(
    lake: Lake, tables: Iterable[Contract] = (), *, older_than: timedelta = GRACE, dry_run: bool = True
) -> list[Garbage]:
    """Find (and unless `dry_run` remove) staging folders, superseded versions and uploads older than the grace period.

    A staging folder stays while it holds anything younger, or while an unfinished publication names it. An object of a
    versioned table goes a grace period after another publication took its place, so readers under way finish; it stays while
    the ledger, the catalog, a release or a dev lake names it. Ages are counted by S3's clock.
    """
    before = lake.store.now() - older_than
    collected = []
    for folder, items in _old_folders(lake, before).items():
        if _is_being_published(lake, folder, items):
            continue
        collected.append(Garbage("staging", folder, len(items), sum(item.size for item in items)))
        if not dry_run:
            lake.store.delete(item.key for item in items)
    released = _released(lake)
    if released is not None:
        collected += _copies(lake, before, released, dry_run=dry_run)
    for contract in tables:
        if released is not None:
            collected += _superseded(lake, contract, before, released, dry_run=dry_run)
        if snapshots := snapshots_of(lake, contract):
            if not dry_run:
                expire_snapshots(snapshots, frozenset())
            collected += [
                Garbage("Iceberg metadata", item.key, 1, item.size)
                for item in remove_unnamed(snapshots, before, dry_run=dry_run)
            ]
    # An S3 policy cannot limit the listing of uploads to a prefix, so the lake's owner collects every tenant's.
    return collected if lake.store.tenant else collected + _uploads(lake, before, dry_run=dry_run)


def _old_folders(lake: Lake, before: datetime) -> dict[str, list[StoredObject]]:
    """Return the objects of each attempt's staging folder that holds nothing younger."""
    folders: dict[str, list[StoredObject]] = {}
    for item in lake.store.scan(f"{STAGING}/"):
        if is_tenants(item.key):
            continue  # lake_maintenance__<tenant> and `LAKE_TENANT=<tenant> lakeworks gc` collect a tenant's
        folder = "/".join(item.key.split("/")[:6])  # _staging/<layer>/<domain>/<table>/period=/<attempt>
        folders.setdefault(folder, []).append(item)
    return {
        folder: items
        for folder, items in folders.items()
        if all(item.modified is not None and item.modified < before for item in items)
    }


def _is_being_published(lake: Lake, folder: str, items: Sequence[StoredObject]) -> bool:
    """Return whether an unfinished publication or run still needs a staging folder to be completed."""
    parts = folder.split("/")
    if len(parts) < 6 or parts[1] not in LAYERS:
        return False
    table = TableName(*parts[1:4])
    runs = _run_numbers(lake, table)
    if runs is None or any(ticket.staging == f"{folder}/" and not ticket.given_up for ticket in runs.open):
        return True  # roll-forward publishes the rest of a half run from there
    paths = {item.key.removeprefix(f"{folder}/").rpartition("/")[0] for item in items if item.key.endswith(".parquet")}

    def needs(path: str) -> bool:
        try:
            newest = lake.ledger.latest(table, Partition.parse(path))
        except LedgerCorrupt as error:
            log.warning("`%s` was not deleted: %s", folder, error)
            return True
        sources = [item.source_key for item in newest.entry.objects] if newest else []
        return bool(newest and newest.entry.state == "publishing" and any(s.startswith(f"{folder}/") for s in sources))

    return any(lake.store.map(needs, paths))


def _run_numbers(lake: Lake, table: TableName) -> RunNumbers | None:
    """Return which runs are whole; None if that cannot be read. Then nothing of the table is garbage."""
    try:
        return RunRegister(lake.store).read(table)
    except LedgerCorrupt as error:
        log.warning("Nothing of `%s` is collected: %s", table, error)
        return None


def _released(lake: Lake) -> Set[str] | None:
    """Return the keys that releases name; None if that cannot be read. Then no version is garbage."""
    try:
        return named_keys(lake)
    except LedgerCorrupt as error:
        log.warning("No superseded version is collected: %s", error)
        return None


def _copies(lake: Lake, before: datetime, released: Set[str], *, dry_run: bool) -> list[Garbage]:
    """Collect the copies of released objects that no held release names any more."""
    dead = [
        item
        for item in copies(lake)
        if item.key not in released and item.modified is not None and item.modified < before
    ]
    if dead and not dry_run:
        lake.store.delete(item.key for item in dead)
    return [Garbage("copy of a release", f"{RELEASES}/", len(dead), sum(item.size for item in dead))] if dead else []


def _superseded(
    lake: Lake, contract: Contract, before: datetime, released: Set[str], *, dry_run: bool
) -> list[Garbage]:
    """Collect immutable objects that no publication within the grace period, no release and no catalog entry names."""
    table = contract.table
    folders: dict[str, list[StoredObject]] = {}
    for item in chain.from_iterable(map(lake.store.scan, versions_roots(table))):
        path = versions_partition(table, item.key)
        if path is not None and item.modified is not None and item.modified < before:
            folders.setdefault(path, []).append(item)
    locations = _locations(lake, contract) if folders else ()
    runs = _run_numbers(lake, table) if folders else None
    if runs is None:
        return []
    snapshots = snapshots_of(lake, contract)
    shown = shown_keys(snapshots) if snapshots else frozenset()
    pins = pinned_numbers(lake.store, table)
    unused: dict[str, list[StoredObject]] = {}
    for path, items in folders.items():
        partition = Partition.parse(path)
        kept = {
            *released,
            *_pinned(lake, table, partition, pins),
            *_in_use(lake, table, partition, before, runs),
            *shown,
        }
        dead = [item for item in items if item.key not in kept and not lake.store.uri(item.key).startswith(locations)]
        if dead:
            unused[path] = dead
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


def _in_use(lake: Lake, table: TableName, partition: Partition, before: datetime, runs: RunNumbers) -> Iterator[str]:
    """Return the keys of objects that are live, being published, or were live within the grace period.

    Readers by ledger still see what was live before a run that is not whole yet.
    """
    for entry in lake.ledger.newest_first(table, partition):
        yield from (item.key for item in entry.objects)
        if runs.hides(entry):
            continue
        if entry.state == "published" and entry.published_at is not None and entry.published_at < before:
            return


def _pinned(lake: Lake, table: TableName, partition: Partition, pins: Mapping[Partition, Set[int]]) -> Iterator[str]:
    """Return the keys of objects that dev lakes read."""
    for number in sorted(pins.get(partition, ())):
        yield from (item.key for item in lake.ledger.read(table, partition, number).entry.objects)


def _uploads(lake: Lake, before: datetime, *, dry_run: bool) -> list[Garbage]:
    uploads = []
    for bucket in (lake.store.bucket, *lake.store.layers.by_layer.values()):
        with translated("list the uploads of", f"s3://{bucket}"):
            pages = lake.store.client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
            old = [upload for page in pages for upload in page.get("Uploads", []) if upload["Initiated"] < before]
        for upload in old:
            if _fills_a_publication(lake, upload["Key"], upload["UploadId"]):
                continue
            uploads.append(Garbage("multipart upload", upload["Key"], 1, 0))
            if not dry_run:
                with translated("abort an upload of", f"s3://{bucket}/{upload['Key']}"):
                    lake.store.client.abort_multipart_upload(
                        Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                    )
    return uploads


def _fills_a_publication(lake: Lake, key: str, upload: str) -> bool:
    """Return whether an unfinished publication, a tenant's included, needs the upload to be completed."""
    level = key.split("/")[1] if is_tenants(key) else ""
    owner = lake.for_tenant(Tenant(level.removeprefix("tenant="))) if level else lake
    parts = own_key(owner.store.tenant, key).split("/")
    if len(parts) < 4 or parts[0] not in LAYERS:
        return False
    try:
        newest = owner.ledger.latest(TableName(*parts[:3]), Partition.parse("/".join(parts[3:-1])))
    except LedgerCorrupt as error:
        log.warning("The upload of `%s` was not aborted: %s", key, error)
        return True
    return bool(
        newest and newest.entry.state == "publishing" and any(item.upload == upload for item in newest.entry.objects)
    )
