"""Delivered entries of a partition's ledger: for each number the document that counts, in any version of its key."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lakeworks.core.layout import ledger_key
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import LakeNotFound, LedgerCorrupt
from lakeworks.failover.beginnings import Beginnings
from lakeworks.failover.delivered_objects import DeliveredObject, DeliveredObjects, versions_of
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.ledger import Ledger

EntryStanding = Literal["complete", "abandoned", "unfinished", "ended epoch", "unreadable", "not whole"]


@dataclass(frozen=True)
class Delivered:
    """One number of a partition's ledger as it is here.

    `entry` is the document that counts; its objects have the versions of this bucket if it is complete. `etag` is that of
    the key's current document, which a takeover replaces.
    """

    partition: Partition
    seq: int
    etag: str
    standing: EntryStanding
    entry: LedgerEntry | None = None
    reason: str = ""
    is_in_place: bool = False  # the key has this document, and the objects are current at their keys

    def broken(self, reason: str) -> "Delivered":
        """Return it as a publication that must not be used."""
        return Delivered(self.partition, self.seq, self.etag, "not whole", self.entry, reason)


@dataclass(frozen=True)
class DeliveredLedger:
    """The delivered ledger of one table."""

    ledger: Ledger
    table: TableName
    beginnings: Beginnings
    objects: DeliveredObjects

    def newest_first(self, partition: Partition, numbers: list[int]) -> Iterator[Delivered]:
        """Yield what each number of a partition is here, the newest first. Each is read on demand."""
        for number in reversed(numbers):
            yield self.read(partition, number)

    def read(self, partition: Partition, seq: int) -> Delivered:
        """Return what one number is here.

        Raises:
            LakeNotFound: it cannot be decided, because the begin of an epoch is not known here.
        """
        found = self.document(partition, seq)
        entry = found.entry
        if found.standing != "complete" or entry is None:
            return found
        places = [self.objects.find(entry, item) for item in entry.objects]
        if missing := [place.reason for place in places if not isinstance(place, DeliveredObject)]:
            return found.broken(_listed(missing))
        here = [place for place in places if isinstance(place, DeliveredObject)]
        pinned = entry.model_copy(update={"objects": tuple(place.item for place in here)})
        in_place = found.is_in_place and pinned == entry and all(place.is_current for place in here)
        return Delivered(partition, seq, found.etag, "complete", pinned, is_in_place=in_place)

    def document(self, partition: Partition, seq: int) -> Delivered:
        """Return the document of a number that counts, without a look at its objects."""
        current, etag, problem = self._current(partition, seq)
        found = current
        if current is None or not self._settles(current):
            found = next(self._other_versions(partition, seq), current)
        if found is None:
            return Delivered(partition, seq, etag, "unreadable", reason=problem)
        standing, reason = self._standing(found)
        return Delivered(partition, seq, etag, standing, found, reason, is_in_place=found is current)

    def _current(self, partition: Partition, seq: int) -> tuple[LedgerEntry | None, str, str]:
        try:
            stored = self.ledger.read(self.table, partition, seq)
        except LedgerCorrupt as error:
            head = self.ledger.store.head(ledger_key(self.table, partition, seq))
            return None, head.etag if head else "", str(error)
        return stored.entry, stored.etag, ""

    def _other_versions(self, partition: Partition, seq: int) -> Iterator[LedgerEntry]:
        """Yield the documents of other versions of a number's key that settle what it is."""
        key, store = ledger_key(self.table, partition, seq), self.ledger.store
        for version in versions_of(store, key):
            try:
                entry = LedgerEntry.read(store.get(key, version)[0], store.uri(key), "is not a ledger entry: {problem}")
            except (LedgerCorrupt, LakeNotFound):
                continue
            if self._settles(entry):
                yield entry

    def _settles(self, entry: LedgerEntry) -> bool:
        """Return True if no later version of the document can change what it is: a publication only ever goes on."""
        return entry.state != "publishing" and self.beginnings.ended(entry) is None

    def _standing(self, entry: LedgerEntry) -> tuple[EntryStanding, str]:
        if entry.state == "abandoned":
            return "abandoned", ""
        if epoch := self.beginnings.ended(entry):
            return "ended epoch", f"it was published in epoch {entry.epoch}, after epoch {epoch} had begun without it"
        if entry.state == "publishing":
            return "unfinished", "it was not completed, or its completion is not here"
        return "complete", ""


def _listed(reasons: list[str]) -> str:
    more = f" and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return f"{reasons[0]}{more}"
