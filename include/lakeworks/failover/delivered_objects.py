"""Delivered objects of a publication, each in any version of its key.

S3 delivers object versions in no order. The current version of a key may be older or newer than the one a publication
names. On AWS a copy keeps its version id; other stores give it a new one. So a version is recognized by its content: the
hash, the publication's number and the size, which arrive together with the bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lakeworks.aws_errors import translated
from lakeworks.core.placement_stamp import content_hash
from lakeworks.errors import ObjectArchived
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.placement import holds
from lakeworks.s3.object_store import ObjectStore, StoredObject


@dataclass(frozen=True)
class DeliveredObject:
    """An object of a publication with the version in which it lies here, and whether that is the current one."""

    item: LiveObject
    is_current: bool


@dataclass(frozen=True)
class MissingObject:
    """The reason why an object of a publication is not here."""

    reason: str


@dataclass(frozen=True)
class DeliveredObjects:
    """The objects of one bucket. With `deep`, their bytes are read and hashed."""

    store: ObjectStore
    deep: bool = False

    def find(self, entry: LedgerEntry, item: LiveObject) -> DeliveredObject | MissingObject:
        """Return where an object of an entry is, or why it is nowhere."""
        current = self.store.head(item.key)
        if current and self._is_it(current, entry, item):
            return DeliveredObject(_at(item, current), is_current=True)
        others = [item.version_id] if item.version_id else []
        others += [version for version in versions_of(self.store, item.key) if version not in others]
        for version in others:
            stored = self.store.head(item.key, version)
            if stored and self._is_it(stored, entry, item):
                return DeliveredObject(_at(item, stored), is_current=False)
        return MissingObject(f"`{item.key}` {_difference(current, entry, item)}")

    def _is_it(self, stored: StoredObject, entry: LedgerEntry, item: LiveObject) -> bool:
        if not holds(stored, entry, item) or stored.size != item.size:
            return False
        if not self.deep:
            return True
        try:
            return content_hash(self.store.get(item.key, stored.version_id)[0]) == item.sha256
        except ObjectArchived:  # its hash arrived with it, and reading it would take hours
            return True


def versions_of(store: ObjectStore, key: str) -> Iterator[str]:
    """Yield the ids of a key's versions, the newest first, without delete markers."""
    pages = store.client.get_paginator("list_object_versions").paginate(Bucket=store.bucket, Prefix=store.at(key))
    with translated("list the versions of", store.uri(key)):
        for page in pages:
            for item in page.get("Versions", []):
                if item["Key"] == store.at(key) and item.get("VersionId") not in (None, "null"):
                    yield item["VersionId"]


def _at(item: LiveObject, stored: StoredObject) -> LiveObject:
    return item.model_copy(update={"version_id": stored.version_id, "upload": None})


def _difference(current: StoredObject | None, entry: LedgerEntry, item: LiveObject) -> str:
    if current is None:
        return "is not here"
    if not holds(current, entry, item):
        return f"is here without the bytes of publication {entry.live_seq}"
    return f"is damaged: its {current.size:,} bytes are not the {item.size:,} bytes that were published"
