"""Repair of live objects and catalog from the ledger, and of the ledger's pins from the objects' versions."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import LostRace, TerminalError, UploadGone
from lakeworks.ledger.entry import LedgerEntry, Stored
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.placement import ATTEMPTS, Placement

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settlement:
    """Repair of partitions. `recover` rolls an unfinished publication forward, `register` updates the catalog."""

    ledger: Ledger
    placement: Placement
    register: Callable[[Sequence[LedgerEntry]], None]
    recover: Callable[[TableName, Partition], LedgerEntry | None]

    def settle(self, table: TableName, partition: Partition) -> None:
        """Restore and register the ledger's live objects and pin their versions. Repeat until the ledger is unchanged.

        Raises:
            LostRace: other writers kept publishing; each of them settles the partition itself.
            LakeNotFound: a live object cannot be restored from any version.
        """
        for _ in range(ATTEMPTS):
            self.recover(table, partition)
            stored = self.ledger.newest(table, partition)
            if stored is None:
                return
            with suppress(LostRace):  # another process pinned it, or published
                settled = self._restored(stored)
                self.register([settled.entry])
                numbers = self.ledger.sequence(table, partition)
                if numbers[-1] == stored.entry.seq or self._is_newest(stored, numbers):
                    return
        raise LostRace(f"`{table}` {partition}: other writers kept publishing. The next attempt decides again.")

    def abandon(self, stored: Stored) -> None:
        """Give a number up, and prevent its delayed requests from taking effect.

        Its uploads are aborted, and the live object is written once more, so that conditions on its old ETag fail.

        Raises:
            LostRace: another process completed it.
        """
        self.ledger.complete(stored, stored.entry.model_copy(update={"state": "abandoned"}))
        self.refuse_late_requests(stored.entry)

    def refuse_late_requests(self, entry: LedgerEntry) -> None:
        """Prevent requests under way for an abandoned publication from taking effect."""
        self.placement.close(entry)
        newest = self.ledger.newest(TableName.parse(entry.table), entry.parsed)
        if newest and entry.layout == "plain":
            try:
                self._restored(newest, again=True)
            except TerminalError as error:  # archived, or gone
                log.warning("%s: late requests of publication %s were not blocked: %s", entry.where, entry.seq, error)

    def reopened(self, stored: Stored) -> Stored:
        """Return an unfinished entry that names uploads for its empty keys: another process's, or ours.

        Raises:
            LostRace: it was finished meanwhile, or another process names its own.
        """
        entry = stored.entry
        reread = self.ledger.read(TableName.parse(entry.table), entry.parsed, entry.seq)
        if reread.entry.state != "publishing":
            raise LostRace(
                f"{entry.where}: publication {entry.seq} was finished by another process ({reread.entry.state})."
            )
        if reread.etag != stored.etag:
            return reread
        opened = self.placement.opened(entry)
        try:
            return self.ledger.complete(reread, opened)
        except LostRace:
            self.placement.close(opened)
            raise

    def _restored(self, stored: Stored, *, again: bool = False) -> Stored:
        self.placement.remove(stored.entry)
        try:
            return self._pinned(stored, again=again)
        except UploadGone:  # an object is gone
            return self._pinned(self._opened(stored), again=again)

    def _pinned(self, stored: Stored, *, again: bool) -> Stored:
        entry = stored.entry
        objects = tuple(self.placement.restore(entry, item, again=again) for item in entry.objects)
        if objects == entry.objects:
            return stored
        return self.ledger.complete(stored, entry.model_copy(update={"objects": objects}))

    def _opened(self, stored: Stored) -> Stored:
        """Name uploads for the entry's empty keys in it, unless the partition is being withdrawn or published again.

        A later withdrawal finds them there and aborts them.
        """
        entry = self.placement.opened(stored.entry)
        opened = self.ledger.complete(stored, entry)
        numbers = self.ledger.sequence(TableName.parse(entry.table), entry.parsed)
        if numbers[-1] != entry.seq and not self._is_newest(stored, numbers):
            self.placement.close(entry)
            raise LostRace(f"{entry.where}: another writer took publication {numbers[-1]} meanwhile.")
        return opened

    def _is_newest(self, stored: Stored, numbers: list[int]) -> bool:
        newest = self.ledger.newest(TableName.parse(stored.entry.table), stored.entry.parsed, numbers)
        above = self.ledger.read(TableName.parse(stored.entry.table), stored.entry.parsed, numbers[-1]).entry
        return above.state == "abandoned" and newest is not None and newest.entry.seq == stored.entry.seq
