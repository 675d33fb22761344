"""Folding of old ledger entries into one object, so that a partition's ledger stays short after many runs."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import LakeError, LostRace
from lakeworks.ledger.entry import FoldedEntries, LedgerEntry
from lakeworks.ledger.ledger import Ledger
from lakeworks.s3.object_store import Target

log = logging.getLogger(__name__)
# The number of newest entries that stay unfolded. Twice as many start a fold, once in a hundred publications.
KEPT = 100
# Longer than a rollback reaches (30 days) and than any request or process may pause: a folded number may be taken
# again.
KEPT_FOR = timedelta(days=45)


@dataclass(frozen=True)
class Folding:
    """The folding of partitions' old ledger entries."""

    ledger: Ledger

    def fold_if_long(self, table: TableName, partition: Partition, numbers: Sequence[int]) -> None:
        """Fold a partition's old entries if it has many. A failure stops no publication."""
        if len(numbers) < 2 * KEPT:
            return
        try:
            self.fold(table, partition)
        except LakeError as error:
            log.warning("The ledger of `%s` %s was not shortened: %s", table, partition, error)

    def fold(self, table: TableName, partition: Partition) -> int:
        """Write old entries into one object, then delete them; returns how many.

        The live entry stays, and so does the publication that it confirms. Ages come from S3 and count from the
        newest entry.
        """
        listed = self.ledger.listed(table, partition)
        live = self.ledger.live(table, partition, [number for number, _ in listed])
        needed = {live.seq, live.live_seq} if live else set[int]()
        before = max(modified for _, modified in listed) - KEPT_FOR
        old = [number for number, modified in listed[:-KEPT] if modified < before and number not in needed]
        if live is None or not old or max(old) > live.seq:
            return 0
        entries = self.ledger.store.map(lambda number: self.ledger.read(table, partition, number).entry, old)
        written = self._write(table, partition, entries)
        gone = [entry.key for entry in entries if entry in written]
        return self.ledger.store.delete(gone)

    def _write(self, table: TableName, partition: Partition, entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
        """Return the entries of the folded object, which another process may have written first."""
        key = FoldedEntries.key_of(table, partition, entries[0].seq, entries[-1].seq)
        body = FoldedEntries(entries=tuple(entries)).model_dump_json(indent=1).encode()
        with suppress(LostRace):
            self.ledger.store.put(Target(key, if_absent=True), body)
        return list(self.ledger.folded(table, partition, key))
