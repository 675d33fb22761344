"""Live objects and catalog, brought back in line with the ledger, and the ledger's pins with the objects' versions."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import LostRace
from lakeworks.ledger.entry import LedgerEntry, Stored
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.placement import ATTEMPTS, Placement


@dataclass(frozen=True)
class Settlement:
    """Settles partitions. `recover` rolls an unfinished publication forward, `register` brings the catalog in line."""

    ledger: Ledger
    placement: Placement
    register: Callable[[Sequence[LedgerEntry]], None]
    recover: Callable[[TableName, Partition], LedgerEntry | None]

    def settle(self, table: TableName, partition: Partition) -> None:
        """Restore what the ledger calls live, pin the versions it has now, register it, until the ledger has not moved.

        Raises:
            LostRace: other writers kept publishing; each of them settles what it finds.
            LakeNotFound: what is live can be restored from nowhere.
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

    def _restored(self, stored: Stored) -> Stored:
        entry = stored.entry
        self.placement.remove(entry)
        objects = tuple(self.placement.restore(entry, item) for item in entry.objects)
        if objects == entry.objects:
            return stored
        return self.ledger.complete(stored, entry.model_copy(update={"objects": objects}))

    def _is_newest(self, stored: Stored, numbers: list[int]) -> bool:
        newest = self.ledger.newest(TableName.parse(stored.entry.table), stored.entry.parsed, numbers)
        above = self.ledger.read(TableName.parse(stored.entry.table), stored.entry.parsed, numbers[-1]).entry
        return above.state == "abandoned" and newest is not None and newest.entry.seq == stored.entry.seq
