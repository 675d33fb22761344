"""Reservation of all numbers of a promotion before its first object is placed: its run becomes live as a whole, or not at all.

The run's ticket decides, by compare-and-swap on the table's document of run numbers. The promotion writes there that it has
all its numbers. From then on every process completes it. A process that needs one of its partitions earlier removes the
ticket. From then on every process abandons it, and the promotion itself places no object.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from lakeworks.core.names import TableName
from lakeworks.errors import LakeNotFound, LostRace
from lakeworks.ledger.entry import LedgerEntry, Stored
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.placement import Placement
from lakeworks.ledger.run_numbers import HeldTicket, RunRegister


def is_joint(entry: LedgerEntry) -> bool:
    """Return True for an entry of a promotion of several partitions, except one that only confirms what is live."""
    is_change = entry.kind == "publish" and entry.state != "unchanged"
    return is_change and bool(entry.promoted_from) and entry.ticket is not None


@dataclass(frozen=True)
class JointReservation:
    """The reservation of the numbers of one run over one table."""

    ledger: Ledger
    placement: Placement
    runs: RunRegister

    def confirmed(
        self, table: TableName, held: HeldTicket, taken: Sequence[Stored | LostRace]
    ) -> tuple[list[Stored], HeldTicket]:
        """Write in the ticket that all numbers are taken, and return them. If one is lost, give all of them up.

        Raises:
            LostRace: another process took a number first, or needed one of the partitions; nothing was placed.
        """
        stored = [item for item in taken if isinstance(item, Stored)]
        try:
            for item in taken:
                if isinstance(item, LostRace):
                    raise item
            return stored, self.runs.confirm(table, held)
        except LostRace:
            self.runs.drop(table, held.ticket.number)
            self.give_up(stored)
            raise

    def give_up(self, reserved: Sequence[Stored]) -> None:
        """Abandon entries of which no object was placed."""
        for stored in reserved:
            if stored.etag and stored.entry.state == "publishing":
                with suppress(LostRace):
                    self.ledger.complete(stored, stored.entry.model_copy(update={"state": "abandoned"}))
                self.placement.close(stored.entry)

    def is_refused(self, entry: LedgerEntry) -> bool:
        """Return True if an unfinished entry never becomes live. Decide it, if the run does not have all its numbers yet."""
        if not is_joint(entry) or entry.ticket is None:
            return False
        return not self.runs.is_confirmed(TableName.parse(entry.table), entry.ticket)

    def own(self, entry: LedgerEntry) -> Stored | None:
        """Return the entry of a lost number, if it is our own: S3 took it, and its answer was lost."""
        if not is_joint(entry):
            return None
        try:
            stored = self.ledger.read(TableName.parse(entry.table), entry.parsed, entry.seq)
        except LakeNotFound:
            return None
        return stored if stored.entry.ticket == entry.ticket and stored.entry.state == entry.state else None
