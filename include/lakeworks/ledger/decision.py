"""Decisions about the entries that a run wants to publish, and the run's ticket for several entries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lakeworks.core.names import TableName
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_numbers import HeldTicket, RunRegister


@dataclass(frozen=True)
class Decision:
    """The decision about a wanted entry; one that only repeats a newer run takes no number."""

    entry: LedgerEntry
    takes_number: bool = True
    empty: frozenset[str] = frozenset()  # keys where no object is
    confirms: LedgerEntry | None = None
    next_number: int = 0

    def taking_its_number(self) -> "Decision":
        """Confirm with its own number a newer run's publication that readers do not see yet."""
        if self.takes_number:
            return self
        numbered = {"seq": self.next_number, "ticket": None, "surplus": ()}
        return Decision(self.entry.model_copy(update=numbered), confirms=self.confirms)

    def under(self, ticket: int) -> "Decision":
        """Give it a run's ticket."""
        return replace(self, entry=self.entry.model_copy(update={"ticket": ticket})) if self.takes_number else self


def ticketed(
    runs: RunRegister, ready: Sequence[Decision], on_step: Callable[[str], None]
) -> tuple[Sequence[Decision], HeldTicket | None]:
    """Take a ticket for a run that changes several partitions for readers by ledger: they see all changes at once.

    Its confirmations have the ticket, too. One of them may lose its number to another run, and readers would then see
    that run's rows beside this run's changes. A confirmation is a change if the run that it confirms is hidden.
    """
    changes = sum(item.confirms is None for item in ready)
    doubtful = [item for item in ready if item.confirms and item.confirms.ticket]
    if not doubtful and (not changes or len(ready) < 2):
        return ready, None
    table = TableName.parse(ready[0].entry.table)
    numbers, etag = runs.load(table)
    hidden = [item for item in doubtful if item.confirms and numbers.holds(item.confirms)]
    ready = [item.taking_its_number() if item in hidden else item for item in ready]
    if not (changes or hidden) or sum(item.takes_number for item in ready) < 2:
        return ready, None
    on_step("ticket")
    tickets = runs.take(table, [item.entry for item in ready if item.takes_number], (numbers, etag))
    return [item.under(tickets.ticket.number) for item in ready], tickets
