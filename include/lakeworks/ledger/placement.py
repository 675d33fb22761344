"""Objects of publications, put at their keys and taken away again, each on condition that the key still holds what was seen.

A live object carries its publication's number in its metadata, and each placing a stamp of its own in the file's footer, so
that no two placings have one ETag: a delayed conditional request can never find the ETag it once saw again.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from lakeworks.core.names import TableName
from lakeworks.core.placement_stamp import new_stamp
from lakeworks.errors import LakeNotFound, LiveChanged, LostRace
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.ledger import Ledger
from lakeworks.s3.multipart import copy_object
from lakeworks.s3.object_store import SHA256, StoredObject, Target

SEQUENCE = "lakeworks-seq"
ATTEMPTS = 5


@dataclass(frozen=True)
class Placement:
    """Places, restores and removes the objects of ledger entries."""

    ledger: Ledger
    stamp: Callable[[], str] = new_stamp

    def is_intact(self, entry: LedgerEntry) -> bool:
        """Return true if the live objects are those an entry names, in the very versions it pins."""
        found = [(self.ledger.store.head(item.key), item) for item in entry.objects]
        return all(
            head is not None and holds(head, entry, item) and head.version_id == item.version_id for head, item in found
        )

    def refuse_foreign(self, wanted: LedgerEntry) -> None:
        """Refuse to replace objects that something else wrote.

        Raises:
            LiveChanged: there is one; it was left alone.
        """
        for item in wanted.objects:
            live = self.ledger.store.head(item.key)
            changed = live and wanted.layout == "versioned" and live.metadata.get(SHA256) != item.sha256
            if live and (changed or SEQUENCE not in live.metadata):
                raise LiveChanged(
                    f"{wanted.where}: `{self.ledger.store.uri(item.key)}` was written by something other than lakeworks. "
                    "Nothing was published and the object was left alone. Move it away, or restore the published "
                    f"version: lakeworks repair {wanted.table}"
                )

    def place(self, entry: LedgerEntry, item: LiveObject) -> LiveObject:
        """Put one staged object at its key and return it with the version it has there.

        Raises:
            LostRace: a later publication is there, or the key kept changing.
            LiveChanged: something else wrote there.
            SourceGone, StagedChanged: the staged object is gone, or is another one.
        """
        for _ in range(ATTEMPTS):
            live = self.ledger.store.head(item.key)
            if live and holds(live, entry, item):
                return item.model_copy(update={"version_id": live.version_id})
            if live and (SEQUENCE not in live.metadata or entry.layout == "versioned"):
                self.refuse_foreign(entry)
            if live and number_of(live) > entry.seq:
                raise LostRace(f"{entry.where}: publication {entry.seq} was overtaken by {live.metadata[SEQUENCE]}.")
            if live is None:
                self._refuse_finished(entry)
            source = StoredObject(item.source_key, item.size, "", item.source_version, {SHA256: item.sha256})
            with suppress(
                LostRace
            ):  # look again: another process rolled this publication forward, or an orphan woke up
                placed = copy_object(self.ledger.store, source, _target(item, entry.seq, live), self.stamp())
                return item.model_copy(update={"version_id": placed.version_id})
        raise LostRace(f"{entry.where}: the live object kept changing while publication {entry.seq} was placed.")

    def restore(self, entry: LedgerEntry, item: LiveObject) -> LiveObject:
        """Bring one object of the live entry back where it is missing or changed, and return it with its present version.

        An object of a later publication stays: either it is being published, or the ledger has moved on by now. One of a
        publication that was abandoned does not.

        Raises:
            LostRace: the key kept changing.
            LakeNotFound: the pinned version is gone, and the key does not hold its content any more.
        """
        for _ in range(ATTEMPTS):
            live = self.ledger.store.head(item.key)
            if live and holds(live, entry, item) and self._is_pinned(item, live):
                return item.model_copy(update={"version_id": live.version_id})
            if live and entry.layout == "plain" and self._is_later(entry, live):
                return item
            source = self._source(entry, item, live)
            with suppress(LostRace):
                placed = copy_object(self.ledger.store, source, _target(item, entry.live_seq, live), self.stamp())
                return item.model_copy(update={"version_id": placed.version_id})
        raise LostRace(f"{entry.where}: the live object kept changing while publication {entry.live_seq} was restored.")

    def remove(self, entry: LedgerEntry) -> None:
        """Delete what an entry leaves without a publication, unless a later publication is there.

        Raises:
            LostRace: an object kept changing.
        """
        for key in entry.surplus:
            self._remove(entry, key)

    def _remove(self, entry: LedgerEntry, key: str) -> None:
        for _ in range(ATTEMPTS):
            found = self.ledger.store.head(key)
            if found is None or number_of(found) > entry.seq:
                return
            with suppress(LostRace):
                self.ledger.store.delete_if(found)
                return
        raise LostRace(f"{entry.where}: `{key}` kept changing while publication {entry.seq} removed it.")

    def _refuse_finished(self, entry: LedgerEntry) -> None:
        """Refuse to fill an empty key for a number that is complete: its object was there, and was withdrawn since."""
        state = self.ledger.read(TableName.parse(entry.table), entry.parsed, entry.seq).entry.state
        if state != "publishing":
            raise LostRace(f"{entry.where}: publication {entry.seq} was finished by another process ({state}).")

    def _is_pinned(self, item: LiveObject, live: StoredObject) -> bool:
        """Return true if a key's present object is the pinned version, or the same bytes copied onto themselves.

        Metadata are no proof: a copy keeps them, whatever became of the bytes.
        """
        if live.version_id == item.version_id:
            return True
        pinned = self.ledger.store.head(item.key, item.version_id) if item.version_id else None
        return pinned is not None and pinned.etag == live.etag

    def _is_later(self, entry: LedgerEntry, live: StoredObject) -> bool:
        number = number_of(live)
        if number <= entry.live_seq:
            return False
        try:
            found = self.ledger.read(TableName.parse(entry.table), entry.parsed, number)
        except LakeNotFound:  # a copy of another partition's object: it carries that one's number
            return False
        return found.entry.state != "abandoned"

    def _source(self, entry: LedgerEntry, item: LiveObject, live: StoredObject | None) -> StoredObject:
        """Choose where the content comes from: the pinned version, or the key's present object if it is the same content."""
        known = {SHA256: item.sha256}
        pinned = self.ledger.store.head(item.key, item.version_id) if item.version_id else None
        if pinned is None and live and live.metadata.get(SHA256) == item.sha256:
            return StoredObject(item.key, item.size, "", live.version_id, known)
        if pinned is None:
            raise LakeNotFound(
                f"{entry.where}: version {item.version_id} of `{self.ledger.store.uri(item.key)}`, which publication "
                f"{entry.live_seq} pins, is gone, and its content is not at the key. Nothing was changed. Build the "
                f"partition from its inputs: run it again, or take it out of sight: lakeworks withdraw {entry.table} "
                f"{entry.parsed}"
            )
        return StoredObject(item.key, item.size, "", item.version_id, known)


def holds(live: StoredObject, entry: LedgerEntry, item: LiveObject) -> bool:
    """Return true if a stored object is the one an entry names: by content, and by number where objects are replaced."""
    numbered = entry.layout == "versioned" or live.metadata.get(SEQUENCE) == str(entry.live_seq)
    return numbered and live.metadata.get(SHA256) == item.sha256


def number_of(live: StoredObject) -> int:
    """Return the publication an object belongs to; 0 where something else wrote it."""
    text = live.metadata.get(SEQUENCE, "")
    return int(text) if text.isdigit() else 0


def _target(item: LiveObject, seq: int, live: StoredObject | None) -> Target:
    metadata = {SEQUENCE: str(seq), SHA256: item.sha256, "lakeworks-rows": str(item.rows)}
    return Target(item.key, metadata, if_match=live.etag if live else None, if_absent=live is None)
