"""Expiry of Iceberg snapshots: it follows garbage collection, so that a snapshot never names an object that is gone."""

from collections.abc import Set
from datetime import datetime, timedelta

from lakeworks.core.layout import iceberg_prefix, table_prefixes
from lakeworks.pipeline.iceberg_snapshots import IcebergSnapshots
from lakeworks.s3.object_store import StoredObject


def shown_keys(snapshots: IcebergSnapshots) -> frozenset[str]:
    """Return the keys of the objects that the current snapshot names; they stay, even if the snapshot is behind the ledger."""
    from lakeworks.iceberg.snapshot_files import named_by

    table = snapshots.table
    current = table.current()
    if current is None or current.metadata.current_snapshot_id is None:
        return frozenset()
    named = named_by(table.files, current, {current.metadata.current_snapshot_id})
    roots = {snapshots.lake.store.uri(prefix): prefix for prefix in table_prefixes(snapshots.contract.table)}
    return frozenset(
        path.replace(root, prefix, 1)
        for paths in named.values()
        for path in paths
        for root, prefix in roots.items()
        if path.startswith(root)
    )


def expire_snapshots(snapshots: IcebergSnapshots, unused: Set[str]) -> None:
    """Remove each snapshot that names an unused object, or is older than the bucket keeps versions for rollback."""
    from lakeworks.iceberg.snapshot_files import named_by

    table = snapshots.table
    current = table.current()
    if current is None:
        return
    oldest = snapshots.lake.store.now() - timedelta(days=snapshots.lake.lifecycle.rollback_days)
    known = {item.snapshot_id: item.timestamp_ms for item in current.metadata.snapshots}
    addresses = {snapshots.lake.store.uri(key) for key in unused}
    named = named_by(table.files, current, known.keys()) if unused else {}
    expired = {number for number, paths in named.items() if not addresses.isdisjoint(paths)}
    expired |= {number for number, at in known.items() if at < oldest.timestamp() * 1000}
    table.expire(frozenset(expired))


def remove_unnamed(snapshots: IcebergSnapshots, before: datetime, *, dry_run: bool) -> list[StoredObject]:
    """Return the old metadata files that neither the table nor its recent metadata names; remove them unless `dry_run`."""
    from lakeworks.iceberg.snapshot_files import metadata_files

    store, table = snapshots.lake.store, snapshots.table
    stored = [
        item
        for item in store.scan(iceberg_prefix(snapshots.contract.table))
        if item.modified is not None and item.modified < before
    ]
    current = table.current() if stored else None
    named = {table.files.key_of(path) for path in metadata_files(table.files, current)} if current else set()
    unnamed = [item for item in stored if item.key not in named]
    if not dry_run:
        store.delete(item.key for item in unnamed)
    return unnamed
