"""Multipart uploads that were never completed."""

import logging
from datetime import datetime

from lakeworks.aws_errors import translated
from lakeworks.core.layout import is_tenants, own_key
from lakeworks.core.names import LAYERS, TableName
from lakeworks.core.partition import Partition
from lakeworks.core.tenant import Tenant
from lakeworks.errors import LedgerCorrupt
from lakeworks.lake import Lake
from lakeworks.maintenance.garbage.leftover import Garbage

log = logging.getLogger(__name__)


def collect_uploads(lake: Lake, before: datetime, *, dry_run: bool) -> list[Garbage]:
    """Collect uploads that are old, and that no unfinished publication needs."""
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
