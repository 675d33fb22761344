"""Garbage collection: old staging folders, superseded objects and snapshots of versioned tables, and abandoned uploads."""

from collections.abc import Iterable
from datetime import timedelta

from lakeworks.contract import Contract
from lakeworks.lake import Lake
from lakeworks.maintenance.garbage.holders import released_keys
from lakeworks.maintenance.garbage.leftover import Garbage
from lakeworks.maintenance.garbage.release_copies import collect_copies
from lakeworks.maintenance.garbage.staging import collect_staging
from lakeworks.maintenance.garbage.uploads import collect_uploads
from lakeworks.maintenance.garbage.versions import collect_superseded
from lakeworks.maintenance.snapshots.expiry import expire_snapshots, remove_unnamed
from lakeworks.pipeline.iceberg_snapshots import snapshots_of

# Longer than any task runs, because a younger attempt may still be alive.
GRACE = timedelta(hours=24)


def collect(
    lake: Lake, tables: Iterable[Contract] = (), *, older_than: timedelta = GRACE, dry_run: bool = True
) -> list[Garbage]:
    """Find (and unless `dry_run` remove) staging folders, superseded versions and uploads older than the grace period.

    A staging folder stays while it holds anything younger, or while an unfinished publication names it. An object of a
    versioned table goes a grace period after another publication took its place, so readers under way finish; it stays while
    the ledger, the catalog, a release or a dev lake names it. While one of their documents does not parse, nothing that it
    may name is collected. Ages are counted by S3's clock.
    """
    before = lake.store.now() - older_than
    collected = collect_staging(lake, before, dry_run=dry_run)
    released = released_keys(lake)
    if released is not None:
        collected += collect_copies(lake, before, released, dry_run=dry_run)
    for contract in tables:
        collected += collect_superseded(lake, contract, before, dry_run=dry_run)
        if snapshots := snapshots_of(lake, contract):
            if not dry_run:
                expire_snapshots(snapshots, frozenset())
            collected += [
                Garbage("Iceberg metadata", item.key, 1, item.size)
                for item in remove_unnamed(snapshots, before, dry_run=dry_run)
            ]
    # An S3 policy cannot limit the listing of uploads to a prefix, so the lake's owner collects every tenant's.
    return collected if lake.store.tenant else collected + collect_uploads(lake, before, dry_run=dry_run)
