"""Garbage: what attempts left in staging that can never be published any more, and uploads nobody will complete."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakeworks.layout import STAGING, is_tenants
from lakeworks.pipeline.lake import Lake

# Longer than any task runs: an attempt younger than this may still be alive.
GRACE = timedelta(hours=24)


@dataclass(frozen=True)
class Garbage:
    """What can be removed."""

    kind: str
    where: str
    objects: int
    bytes: int


def collect(lake: Lake, *, older_than: timedelta = GRACE, dry_run: bool = True) -> list[Garbage]:
    """Find (and unless `dry_run` remove) staging folders and multipart uploads older than the grace period.

    A folder that holds anything younger is left alone: its attempt may be running, or waiting to be rolled forward.
    """
    before = datetime.now(UTC) - older_than
    folders: dict[str, list[tuple[str, int, bool]]] = {}
    for item in lake.store.scan(f"{STAGING}/"):
        if is_tenants(item.key):  # each tenant's attempts are its own affair; see --tenant
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
    # S3 cannot limit the listing of uploads to a prefix by policy: the lake's owner looks after everybody's.
    return found if lake.store.tenant else found + _uploads(lake, before, dry_run=dry_run)


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
