"""Placement and removal of publications' objects, by requests on condition that the key is as it was when read.

A live object has its publication's number in its metadata. Each placement writes a new stamp into the file's footer,
so that no two placements have the same ETag. A delayed conditional request can therefore never find its old ETag again.

An empty key has no ETag. A multipart upload fills it, and the ledger entry names the upload's id for every process.
The upload can be completed only once, so a delayed request cannot fill the key again after the partition was withdrawn.
"""

import hashlib
from collections.abc import Callable, Set
from contextlib import suppress
from dataclasses import dataclass

from lakeworks.core.layout import numbered_versions
from lakeworks.core.names import TableName
from lakeworks.core.placement_stamp import BLANK_STAMP, new_stamp
from lakeworks.errors import LakeNotFound, LiveChanged, LostRace, UploadGone
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.ledger import Ledger
from lakeworks.s3.multipart import copy_object, open_upload
from lakeworks.s3.object_store import SHA256, StoredObject, Target
from lakeworks.s3.upload_parts import end_upload

SEQUENCE = "lakeworks-seq"
ATTEMPTS = 5


@dataclass(frozen=True)
class Placement:
    """Places, restores and removes the objects of ledger entries."""

    ledger: Ledger
    stamp: Callable[[], str] = new_stamp

    def is_intact(self, entry: LedgerEntry) -> bool:
        """Return True if the live objects are the entry's objects, in its pinned versions."""
        pairs = [(self.ledger.store.head(item.key), item) for item in entry.objects]
        return all(
            head is not None and holds(head, entry, item) and head.version_id == item.version_id for head, item in pairs
        )

    def refuse_foreign(self, entry: LedgerEntry) -> frozenset[str]:
        """Refuse to replace objects of other programs; return the keys without an object.

        Raises:
            LiveChanged: there is one; it was not changed.
        """
        stored = {item.key: self.ledger.store.head(item.key) for item in entry.objects}
        for item in entry.objects:
            live = stored[item.key]
            if live and SEQUENCE not in live.metadata:
                raise self._foreign(entry, item)
        return frozenset(key for key, live in stored.items() if live is None)

    def _foreign(self, entry: LedgerEntry, item: LiveObject) -> LiveChanged:
        return LiveChanged(
            f"{entry.where}: `{self.ledger.store.uri(item.key)}` was written by another program. Nothing was "
            "published; the object is unchanged. Move it away, or restore the published version: lakeworks "
            f"repair {entry.table}"
        )

    def relocated(self, entry: LedgerEntry, seq: int, absent: Set[str]) -> LedgerEntry:
        """Return an entry of immutable objects with keys of its own number, unless all its keys are `absent`.

        A run that publishes a second time finds its first objects. They may be superseded by now, and garbage collection
        may have decided to delete them.
        """
        if entry.layout != "versioned" or len(absent) == len(entry.objects):
            return entry
        location = numbered_versions(TableName.parse(entry.table), entry.location, seq)
        objects = tuple(
            item.model_copy(update={"key": location + item.key.removeprefix(entry.location)}) for item in entry.objects
        )
        return entry.model_copy(update={"location": location, "objects": objects})

    def opened(self, entry: LedgerEntry, absent: Set[str] | None = None) -> LedgerEntry:
        """Return the entry of a table of layout `plain` with an upload for each empty key (`absent`, or looked at now)."""
        if entry.layout != "plain":
            return entry

        def open_for(item: LiveObject) -> LiveObject:
            is_empty = item.key in absent if absent is not None else self.ledger.store.head(item.key) is None
            if not is_empty:
                return item
            upload = open_upload(self.ledger.store, _target(item, entry.live_seq, None), item.size)
            return item.model_copy(update={"upload": upload})

        return entry.model_copy(update={"objects": tuple(open_for(item) for item in entry.objects)})

    def close(self, entry: LedgerEntry) -> None:
        """Abort the entry's uploads. After this no process can complete them."""
        for item in entry.objects:
            if item.upload:
                end_upload(self.ledger.store, item.key, item.upload)

    def place(self, entry: LedgerEntry, item: LiveObject) -> LiveObject:
        """Put one staged object at its key and return it with the version it has there.

        Raises:
            LostRace: a later publication is there, or the key kept changing.
            UploadGone: the key is empty, and the entry names no upload that could fill it.
            LiveChanged: something else wrote there.
            SourceGone, StagedChanged: the staged object is gone, or is another one.
        """
        gone: UploadGone | None = None
        for _ in range(ATTEMPTS):
            live = self.ledger.store.head(item.key)
            if live and holds(live, entry, item):
                return _placed(item, live.version_id)
            if live and (SEQUENCE not in live.metadata or entry.layout == "versioned"):
                raise self._foreign(entry, item)
            if live and number_of(live) > entry.seq:
                raise LostRace(
                    f"{entry.where}: publication {entry.seq} is older than the current publication "
                    f"{live.metadata[SEQUENCE]}."
                )
            if live is None and gone:
                raise gone
            source = StoredObject(item.source_key, item.size, "", item.source_version, {SHA256: item.sha256})
            try:
                return self._put(entry, item, source, live)
            except UploadGone as error:  # another process completed or aborted it meanwhile
                gone = error
            except LostRace:  # read again: another process was here, or an orphaned request took effect
                continue
        raise LostRace(f"{entry.where}: the live object kept changing while publication {entry.seq} was placed.")

    def _put(self, entry: LedgerEntry, item: LiveObject, source: StoredObject, live: StoredObject | None) -> LiveObject:
        """Replace the object that was read at a key, or fill the empty key by the ledger's upload."""
        store, target = self.ledger.store, _target(item, entry.live_seq, live)
        if live is None and entry.layout == "plain":
            if item.upload is None:
                raise UploadGone(f"{entry.where}: no upload of publication {entry.seq} fills the empty `{item.key}`.")
            placed = copy_object(store, source, target, _stamp_of(item.upload), item.upload)
        else:
            if item.upload:  # the key was filled meanwhile: no process may complete the upload later
                end_upload(store, item.key, item.upload)
            placed = copy_object(store, source, target, self.stamp())
        return _placed(item, placed.version_id)

    def restore(self, entry: LedgerEntry, item: LiveObject, *, again: bool = False) -> LiveObject:
        """Bring one object of the live entry back where it is missing or changed, and return it with its present version.

        With `again`, an intact object is also written once more, which gives it a new ETag.

        An object of a later publication stays: either it is being published, or the ledger has a newer entry by now.
        An object of an abandoned publication is replaced.

        Raises:
            LostRace: the key kept changing.
            UploadGone: the key is empty, and the entry names no upload that could fill it.
            LakeNotFound: the pinned version is deleted, and the key has other content.
        """
        for _ in range(ATTEMPTS):
            live = self.ledger.store.head(item.key)
            if live and not again and holds(live, entry, item) and self._is_pinned(item, live):
                return _placed(item, live.version_id)
            if live and entry.layout == "plain" and self._is_later(entry, live):
                return item
            source = self._source(entry, item, live)
            try:
                return self._put(entry, item, source, live)
            except UploadGone:
                raise
            except LostRace:
                continue
        raise LostRace(f"{entry.where}: the live object kept changing while publication {entry.live_seq} was restored.")

    def remove(self, entry: LedgerEntry) -> None:
        """Delete the objects that an entry leaves without a publication, unless they belong to a later publication.

        Raises:
            LostRace: an object kept changing.
        """
        if entry.surplus and not entry.objects:  # another process may restore the withdrawn object
            table, partition = TableName.parse(entry.table), entry.parsed
            below = [number for number in self.ledger.sequence(table, partition) if number < entry.seq]
            if before := self.ledger.newest(table, partition, below):
                self.close(before.entry)
        for key in entry.surplus:
            self._remove(entry, key)

    def _remove(self, entry: LedgerEntry, key: str) -> None:
        for _ in range(ATTEMPTS):
            stored = self.ledger.store.head(key)
            if stored is None or number_of(stored) > entry.seq:
                return
            with suppress(LostRace):
                self.ledger.store.delete_if(stored)
                return
        raise LostRace(f"{entry.where}: `{key}` kept changing while publication {entry.seq} removed it.")

    def _is_pinned(self, item: LiveObject, live: StoredObject) -> bool:
        """Return True if a key's current object is the pinned version, or a copy of its bytes onto itself.

        Metadata are no proof: a copy keeps them, even with other bytes.
        """
        if live.version_id == item.version_id:
            return True
        pinned = self.ledger.store.head(item.key, item.version_id) if item.version_id else None
        return pinned is not None and pinned.etag in (live.etag, _as_upload(live.etag))

    def _is_later(self, entry: LedgerEntry, live: StoredObject) -> bool:
        number = number_of(live)
        if number <= entry.live_seq:
            return False
        try:
            written = self.ledger.read(TableName.parse(entry.table), entry.parsed, number)
        except LakeNotFound:  # a copy of another partition's object, with that object's number
            return False
        return written.entry.state != "abandoned"

    def _source(self, entry: LedgerEntry, item: LiveObject, live: StoredObject | None) -> StoredObject:
        """Choose the source of the content: the pinned version, or the key's current object if its content is the same."""
        known = {SHA256: item.sha256}
        pinned = self.ledger.store.head(item.key, item.version_id) if item.version_id else None
        if pinned is None and live and live.metadata.get(SHA256) == item.sha256:
            return StoredObject(item.key, item.size, "", live.version_id, known)
        if pinned is None:
            raise LakeNotFound(
                f"{entry.where}: version {item.version_id} of `{self.ledger.store.uri(item.key)}`, which publication "
                f"{entry.live_seq} pins, is gone, and its content is not at the key. Nothing was changed. Run the "
                f"partition again, or withdraw it: lakeworks withdraw {entry.table} {entry.parsed}"
            )
        return StoredObject(item.key, item.size, "", item.version_id, known)


def holds(live: StoredObject, entry: LedgerEntry, item: LiveObject) -> bool:
    """Return True if a stored object is the entry's object: by content, and also by number if objects are replaced."""
    numbered = entry.layout == "versioned" or live.metadata.get(SEQUENCE) == str(entry.live_seq)
    return numbered and live.metadata.get(SHA256) == item.sha256


def number_of(live: StoredObject) -> int:
    """Return an object's publication number; 0 if another program wrote it."""
    text = live.metadata.get(SEQUENCE, "")
    return int(text) if text.isdigit() else 0


def _target(item: LiveObject, seq: int, live: StoredObject | None) -> Target:
    metadata = {SEQUENCE: str(seq), SHA256: item.sha256, "lakeworks-rows": str(item.rows)}
    return Target(item.key, metadata, if_match=live.etag if live else None, if_absent=live is None)


def _placed(item: LiveObject, version_id: str | None) -> LiveObject:
    return item.model_copy(update={"version_id": version_id, "upload": None})


def _stamp_of(upload: str) -> str:
    """Return the stamp of an upload's object. It depends on the upload, so all processes send the same bytes."""
    return hashlib.sha256(upload.encode()).hexdigest()[: len(BLANK_STAMP)]


def _as_upload(etag: str) -> str:
    """Return the ETag that the bytes of an object would have as an upload of one part."""
    digest = etag.strip('"')
    try:
        return f'"{hashlib.md5(bytes.fromhex(digest), usedforsecurity=False).hexdigest()}-1"'
    except ValueError:  # the object has several parts, or its ETag is no digest
        return etag
