"""Run numbers: with them, readers by ledger see a run over several partitions as a whole, or not at all.

A run that changes several partitions takes a ticket before the first of them, by compare-and-swap on one document of
the table. Its ledger entries have the ticket. When the last of them is complete, the ticket is closed and the run gets
its number, by compare-and-swap again. A reader that read this document *before* the entries leaves out those of tickets
that are not closed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from lakeworks.core.clock import utc_now
from lakeworks.core.layout import run_numbers_key
from lakeworks.core.names import TableName
from lakeworks.core.placement_stamp import new_stamp
from lakeworks.errors import LakeNotFound, LostRace
from lakeworks.ledger.document import Record, StoredDocument
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import Run
from lakeworks.s3.object_store import ObjectStore, Target

# Each lost attempt is another run's success, so this many runs of one table can end at the same time.
_ATTEMPTS = 20
# Number of recent runs in the document, for people. The limit keeps the document small.
REMEMBERED = 20
_ADVICE = (
    "is not a table's document of run numbers: {problem}. Nothing was changed. An earlier version of the object may be intact; "
    "see docs/reliability.md"
)


class RunTicket(Record):
    """A run over several partitions that has no number yet."""

    number: int = Field(description="Number of the ticket. The run gets its own number when it is complete.")
    token: str = Field(description="Random value that distinguishes two tickets for the same run.")
    run: Run
    period: str
    staging: str = Field("", description="Place of its staged files, from which the run can be finished.")
    partitions: dict[str, int] = Field(description="Its partitions, each with the number that it takes in the ledger.")
    confirmed: bool = Field(
        default=False,
        description="Promotions only: True once it has all its numbers. Until then other processes abandon it.",
    )
    given_up: bool = Field(
        default=False,
        description="True for a half run so old that the bucket deletes the rows before it. Readers then see its "
        "partitions.",
    )


class WholeRun(Record):
    """A run that has its number."""

    number: int
    ticket: int
    run: str
    period: str
    partitions: int
    closed_at: datetime | None = Field(None, description="Time from which readers saw it; none in older documents.")


class RunNumbers(StoredDocument):
    """The document of one table; a table that never had a run over several partitions has none."""

    epoch: int = Field(1, description="Epoch of the last takeover that continued these numbers (ledger/epoch.py).")
    tickets: int = Field(0, description="The last ticket that was taken.")
    runs: int = Field(0, description="The last number that a run has.")
    open: tuple[RunTicket, ...] = ()
    newest: tuple[WholeRun, ...] = Field((), description="The runs with the last numbers.")
    unseen: tuple[int, ...] = Field(
        (), description="The last tickets that were removed before any reader saw their runs."
    )

    def hides(self, entry: LedgerEntry) -> bool:
        """Return True if a reader of this document leaves an entry out: its run was not complete then."""
        if entry.ticket is None:
            return False
        ticket = self.ticket(entry.ticket)
        return entry.ticket > self.tickets or (ticket is not None and not ticket.given_up)

    def holds(self, entry: LedgerEntry) -> bool:
        """Return True if the ticket of an entry is not closed."""
        return entry.ticket is not None and (entry.ticket > self.tickets or self.ticket(entry.ticket) is not None)

    def ticket(self, number: int) -> RunTicket | None:
        """Return an open ticket."""
        return next((ticket for ticket in self.open if ticket.number == number), None)


@dataclass(frozen=True)
class HeldTicket:
    """A ticket, and the ETag of its document. While the ETag is unchanged, the number costs one request."""

    ticket: RunTicket
    numbers: RunNumbers
    etag: str


@dataclass(frozen=True)
class RunRegister:
    """The documents of run numbers of a lake."""

    store: ObjectStore
    clock: Callable[[], datetime] = utc_now

    def read(self, table: TableName) -> RunNumbers:
        """Return a table's document, as one request gives it.

        Raises:
            LedgerCorrupt: it does not parse.
        """
        return self._load(table)[0]

    def take(self, table: TableName, entries: Sequence[LedgerEntry], seen: tuple[RunNumbers, str] | None) -> HeldTicket:
        """Take a ticket for the entries that one run is about to publish; `seen` is the document, if it was read already.

        Raises:
            LostRace: other runs kept taking tickets and numbers.
        """
        first = entries[0]
        new_ticket = RunTicket(
            number=0, token=new_stamp(), run=first.run, period=first.period, staging=first.staging,
            partitions={entry.partition: entry.seq for entry in entries},
        )  # fmt: skip

        def taken(numbers: RunNumbers) -> RunNumbers:
            if any(ticket.token == new_ticket.token for ticket in numbers.open):
                return numbers  # the answer to our own request was lost
            number = numbers.tickets + 1
            ticket = new_ticket.model_copy(update={"number": number})
            return numbers.model_copy(update={"tickets": number, "open": (*numbers.open, ticket)})

        numbers, etag = self._change(table, taken, seen)
        return HeldTicket(next(item for item in numbers.open if item.token == new_ticket.token), numbers, etag)

    def confirm(self, table: TableName, held: HeldTicket) -> HeldTicket:
        """Write in a promotion's ticket that it has all its numbers.

        Raises:
            LostRace: another process needed one of its partitions earlier, and removed the ticket.
        """
        number, token = held.ticket.number, held.ticket.token

        def changed(numbers: RunNumbers) -> RunNumbers:
            if not any(ticket.token == token for ticket in numbers.open):
                raise LostRace(
                    f"`{table}`: another run published partitions of `{held.ticket.run.id}` before this run had the numbers "
                    "of all of them. Nothing was published. The next attempt decides again."
                )
            return _with(numbers, number, confirmed=True)

        numbers, etag = self._change(table, changed, (held.numbers, held.etag))
        return HeldTicket(next(item for item in numbers.open if item.token == token), numbers, etag)

    def is_confirmed(self, table: TableName, number: int) -> bool:
        """Return True if a promotion has all its numbers. If it does not, remove its ticket: then it never has them."""

        def changed(numbers: RunNumbers) -> RunNumbers:
            ticket = numbers.ticket(number)
            return numbers if ticket and ticket.confirmed else unseen(numbers, [number])

        return self._change(table, changed)[0].ticket(number) is not None

    def complete(self, table: TableName, ticket: HeldTicket) -> int:
        """Give a complete run its number, and return it; 0 if another process closed its ticket.

        Raises:
            LostRace: other runs kept taking tickets and numbers; the next attempt takes the number.
        """
        numbers, _ = self._change(
            table, lambda numbers: closed(numbers, ticket.ticket.number, self.clock()), (ticket.numbers, ticket.etag)
        )
        return next((run.number for run in numbers.newest if run.ticket == ticket.ticket.number), 0)

    def close(self, table: TableName, number: int) -> None:
        """Give the run of a ticket its number, on behalf of a dead process whose partitions are all complete."""
        self._change(table, lambda numbers: closed(numbers, number, self.clock()))

    def drop(self, table: TableName, number: int) -> None:
        """Remove the ticket of a run that no reader sees."""
        self._change(table, lambda numbers: unseen(numbers, [number]))

    def give_up(self, table: TableName, number: int) -> None:
        """Stop hiding a partly published run."""
        self._change(table, lambda numbers: _with(numbers, number, given_up=True))

    def take_over(self, table: TableName, numbers: RunNumbers) -> None:
        """Write the document with which an epoch begins, over whatever is there."""
        self.store.put(run_numbers_key(table), numbers.model_dump_json(indent=1).encode())

    def load(self, table: TableName) -> tuple[RunNumbers, str]:
        """Return a table's document with its ETag; an empty one where there is none."""
        return self._load(table)

    def _load(self, table: TableName) -> tuple[RunNumbers, str]:
        key = run_numbers_key(table)
        try:
            body, stored = self.store.get(key)
        except LakeNotFound:
            return RunNumbers(), ""
        return RunNumbers.read(body, self.store.uri(key), _ADVICE), stored.etag

    def _change(
        self,
        table: TableName,
        change: Callable[[RunNumbers], RunNumbers],
        seen: tuple[RunNumbers, str] | None = None,
    ) -> tuple[RunNumbers, str]:
        """Replace the document by compare-and-swap; do not write an unchanged one."""
        key, lost = run_numbers_key(table), None
        for _ in range(_ATTEMPTS):
            numbers, etag = seen or self._load(table)
            seen = None
            changed = change(numbers)
            if changed == numbers:
                return numbers, etag
            target = Target(key, if_match=etag) if etag else Target(key, if_absent=True)
            try:
                return changed, self.store.put(target, changed.model_dump_json(indent=1).encode()).etag
            except LostRace as error:
                lost = error
        raise LostRace(
            f"`{table}`: other runs kept taking numbers. Published partitions remain. The next attempt takes the run's number."
        ) from lost


def closed(numbers: RunNumbers, number: int, now: datetime) -> RunNumbers:
    """Close a ticket, and remove older tickets of the same partitions: no reader sees their runs."""
    ticket = numbers.ticket(number)
    if ticket is None:
        return numbers
    run = WholeRun(
        number=numbers.runs + 1,
        ticket=number,
        run=ticket.run.id,
        period=ticket.period,
        partitions=len(ticket.partitions),
        closed_at=now,
    )
    overtaken = [item.number for item in numbers.open if item.number != number and _overtakes(ticket, item)]
    left = _without(unseen(numbers, overtaken), [number])
    return left.model_copy(update={"runs": run.number, "newest": (*numbers.newest, run)[-REMEMBERED:]})


def _overtakes(ticket: RunTicket, other: RunTicket) -> bool:
    return all(ticket.partitions.get(path, 0) >= seq for path, seq in other.partitions.items())


def unseen(numbers: RunNumbers, removed: Sequence[int]) -> RunNumbers:
    """Remove the tickets of runs that no reader saw, and remember them for readers of the past."""
    known = [number for number in removed if numbers.ticket(number)]
    left = _without(numbers, removed)
    return left.model_copy(update={"unseen": (*numbers.unseen, *known)[-REMEMBERED:]}) if known else left


def _with(numbers: RunNumbers, number: int, **update: bool) -> RunNumbers:
    tickets = (ticket.model_copy(update=update) if ticket.number == number else ticket for ticket in numbers.open)
    return numbers.model_copy(update={"open": tuple(tickets)})


def _without(numbers: RunNumbers, closed: Sequence[int]) -> RunNumbers:
    return numbers.model_copy(update={"open": tuple(item for item in numbers.open if item.number not in closed)})
