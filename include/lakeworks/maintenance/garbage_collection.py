"""Garbage: what attempts left in staging, superseded objects of versioned tables, and uploads nobody will complete."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakeworks.contract import Contract
from lakeworks.core.layout import STAGING, VERSIONS, is_tenants, join
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.lake import Lake
from lakeworks.s3.object_store import StoredObject

# Longer than any task runs: an attempt younger than this may still be alive.
GRACE = timedelta(hours=24)


@dataclass(frozen=True)
class Garbage:
    """What can be removed."""

    kind: str
    where: str
    objects: int
    bytes: int


def collect(
    lake: Lake, tables: Iterable[Contract] = (), *, older_than: timedelta = GRACE, dry_run: bool = True
) -> list[Garbage]:
    """Find (and unless `dry_run` remove) staging folders, superseded versions and uploads older than the grace period.

    A staging folder that holds anything younger is left alone: its attempt may be running, or waiting to be rolled forward.
    Objects of a versioned table go a grace period after another publication took their place, so readers under way finish.
    """
    before = datetime.now(UTC) - older_than
    folders: dict[str, list[tuple[str, int, bool]]] = {}
    for item in lake.store.scan(f"{STAGING}/"):
        if is_tenants(item.key):  # lake_maintenance__<tenant>, or LAKE_TENANT=<tenant> lakeworks gc, looks after these
            continue
        folder = "/".join(item.key.split("/")[:6])  # _staging/<layer>/<domain>/<table>/period=/<attempt>
        old = item.modified is not None and item.modified < before
        folders.setdefault(folder, []).append((item.key, item.size, old))
    found = []
    for folder, items in folders.items():
        if all(old for _, _, old in items):
            found.append(Garbage("staging", folder, len(items), sum(size for _, size, _ in items)))
            if not dry_run:
                lake.store.delete(key for key, _, _ in items)
    for contract in tables:
        found += _superseded(lake, contract.table, before, dry_run=dry_run)
    # S3 cannot limit the listing of uploads to a prefix by policy: the lake's owner looks after everybody's.
    return found if lake.store.tenant else found + _uploads(lake, before, dry_run=dry_run)


def _superseded(lake: Lake, table: TableName, before: datetime, *, dry_run: bool) -> list[Garbage]:
    """Immutable objects that no publication within the grace period names."""
    root = join(table.path, VERSIONS) + "/"
    folders: dict[str, list[StoredObject]] = {}
    for item in lake.store.scan(root):
        if item.modified is not None and item.modified < before:
            path = item.key.removeprefix(root).partition("/")[2].rpartition("/")[0]
            folders.setdefault(path, []).append(item)
    found = []
    for path, items in folders.items():
        kept = set(_in_use(lake, table, Partition.parse(path), before))
        dead = [item for item in items if item.key not in kept]
        if dead:
            size = sum(item.size for item in dead)
            found.append(Garbage("superseded version", join(table.path, path), len(dead), size))
        if not dry_run:
            lake.store.delete(item.key for item in dead)
    return found


def _in_use(lake: Lake, table: TableName, partition: Partition, before: datetime) -> Iterator[str]:
    """Keys of what is live or being published, and of what stopped being live less than a grace period ago."""
    for entry in reversed(lake.ledger.history(table, partition)):
        yield from (item.key for item in entry.objects)
        if entry.state == "published" and entry.published_at is not None and entry.published_at < before:
            return


def _uploads(lake: Lake, before: datetime, *, dry_run: bool) -> list[Garbage]:
    found = []
    for bucket in (lake.store.bucket, *lake.store.layers.by_layer.values()):
        pages = lake.store.client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
        for upload in (upload for page in pages for upload in page.get("Uploads", [])):
            if upload["Initiated"] < before:
                found.append(Garbage("multipart upload", upload["Key"], 1, 0))
                if not dry_run:
                    lake.store.client.abort_multipart_upload(
                        Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                    )
    return found
