"""Listing of objects with class and version, page by page and never truncated silently."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakeworks.aws_errors import translated
from lakeworks.objects.key_range import KeyRange
from lakeworks.s3.object_store import ObjectStore


@dataclass(frozen=True)
class ListedVersion:
    """One version of an object, or its delete marker."""

    key: str
    size: int
    modified: datetime
    storage_class: str
    version_id: str | None
    etag: str = ""
    is_latest: bool = True
    is_deletion: bool = False


def versions_of(store: ObjectStore, keys: KeyRange, *, after: str = "") -> Iterator[ListedVersion]:
    """Yield every version below a prefix in key order, newest first, delete markers included.

    Raises:
        LakeNotFound, LakeAccessDenied: see `ObjectStore.scan`.
    """
    marker = {"KeyMarker": store.at(after)} if after else {}
    request = {"Bucket": store.bucket, "Prefix": store.at(keys.prefix), **marker}
    with translated("list", store.uri(keys.prefix)):
        while True:
            page: Any = store.client.list_object_versions(**request)  # type: ignore[arg-type]
            versions = [
                ListedVersion(
                    key=store.keys.own(item["Key"]),
                    size=item.get("Size", 0),
                    modified=item["LastModified"],
                    storage_class=item.get("StorageClass", "STANDARD") if "Size" in item else "",
                    version_id=None if item.get("VersionId") in (None, "null") else item["VersionId"],
                    etag=item.get("ETag", ""),
                    is_latest=item["IsLatest"],
                    is_deletion="Size" not in item,
                )
                for kind in ("Versions", "DeleteMarkers")
                for item in page.get(kind, ())
            ]
            yield from (item for item in sorted(versions, key=_order) if keys.holds(item.key))
            if not page.get("IsTruncated"):
                return
            request |= {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker", "")}


def objects_of(store: ObjectStore, keys: KeyRange, *, after: str = "") -> Iterator[ListedVersion]:
    """Yield the current objects, including the folder markers that S3 consoles create."""
    return (item for item in versions_of(store, keys, after=after) if item.is_latest and not item.is_deletion)


def _order(item: ListedVersion) -> tuple[bytes, bool, float]:
    return item.key.encode(), not item.is_latest, -item.modified.timestamp()
