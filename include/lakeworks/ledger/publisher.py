"""Publication of staged partitions: reserve, place, register, complete. Every step is idempotent, so any writer can finish it.

In layout `plain` a partition is one object at a fixed key, replaced in one step. In layout `versioned` its objects are
immutable and the completed ledger entry is what makes them live; the catalog's location follows from it.

The number in the ledger is the lock. A writer takes it by `If-None-Match`, and only that writer's content can become
live under it. The writer or a process that rolls its publication forward places the content.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakeworks.core.clock import utc_now
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.core.placement_stamp import new_stamp
from lakeworks.errors import (
    FencedError,
    LostRace,
    NotPrimary,
    ObjectArchived,
    SourceGone,
    StagedChanged,
    StaleBuild,
    UploadGone,
)
from lakeworks.ledger.decision import Decision, ticketed
from lakeworks.ledger.entry import LedgerEntry, Stored
from lakeworks.ledger.epoch import EpochRegister
from lakeworks.ledger.folding import Folding
from lakeworks.ledger.joint_reservation import JointReservation, is_joint
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.placement import ATTEMPTS, Placement
from lakeworks.ledger.run_numbers import HeldTicket, RunRegister
from lakeworks.ledger.settlement import Settlement

Register = Callable[[Sequence[LedgerEntry]], None]


@dataclass(frozen=True)
class Publisher:
    """Publisher of partitions. `register` updates the catalog; `on_step` receives each step's name before the step.

    `on_recovered` receives other processes' publications that were rolled forward. `on_visible` receives completed entries
    once readers may see them.
    """

    ledger: Ledger
    register: Register
    clock: Callable[[], datetime] = utc_now
    on_step: Callable[[str], None] = lambda _: None
    on_recovered: Callable[[LedgerEntry], None] = lambda _: None
    on_visible: Callable[[Sequence[LedgerEntry]], object] = lambda _: None
    stamp: Callable[[], str] = new_stamp

    @property
    def placement(self) -> Placement:
        """Return what puts the objects at their keys."""
        return Placement(self.ledger, self.stamp)

    @property
    def runs(self) -> RunRegister:
        """Return the tables' documents of run numbers."""
        return RunRegister(self.ledger.store, self.clock)

    @property
    def epochs(self) -> EpochRegister:
        """Return the document that names the bucket that may publish."""
        return EpochRegister(self.ledger.store)

    def publish(self, entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
        """Make every given entry live (their `seq` is given here) and return them completed, in order.

        All partitions are checked before the first number is taken.

        Raises:
            FencedError: a newer run has published one of the partitions; nothing was changed.
            NotPrimary: another bucket is the primary, or became it meanwhile; nothing was published.
            StaleBuild: one of them was published again since its inputs were read; nothing was changed.
            LiveChanged: a live object is not the one the ledger names; nothing was changed.
            LostRace: another writer was faster for a partition. Published ones stay; the next attempt decides again.
            SourceGone, StagedChanged: a staged object is gone, or is another one. Numbers that need it are given up.
        """
        each = self.ledger.store.map
        self.on_step("check")
        epoch = self.epochs.require()
        taken = self._listed(entries)
        ready: Sequence[Decision] = each(
            lambda entry: self._decide(entry, taken.get(entry.parsed)),
            [entry.model_copy(update={"epoch": epoch}) for entry in entries],
        )
        by_a_run = all(item.kind == "publish" for item in entries)
        ready, ticket = ticketed(self.runs, ready, self.on_step) if by_a_run else (ready, None)
        self.on_step("reserve")
        reserved, ticket = self._reserve_all(ready, ticket)
        self._require_still(epoch, reserved, ticket)
        placed = self._place_own(reserved)
        self.on_step("register")
        self.register([stored.entry for stored in placed if stored.etag])
        completed = self._complete_all(placed)
        if ticket:
            self.on_step("number")
            self.runs.complete(TableName.parse(entries[0].table), ticket)
        self.on_visible(completed)
        return completed

    def recover(self, table: TableName, partition: Partition) -> LedgerEntry | None:
        """Roll an unfinished publication of the partition forward; returns it completed, or None if there was none.

        One of an epoch that has ended is abandoned. So is one of a promotion that does not have all its numbers yet, and one
        that copies from an archive: the partition does not wait hours for it.

        Raises:
            NotPrimary: another bucket is the primary.
        """
        stored = self.ledger.latest(table, partition)
        if stored is None or stored.entry.state != "publishing":
            return None
        if stored.entry.epoch != self.epochs.require() or self._joint.is_refused(stored.entry):
            with suppress(LostRace):
                self._settlement.abandon(stored)
            return None
        try:
            placed = self._place_all([stored])
        except (SourceGone, StagedChanged, ObjectArchived):  # never live: what it copies is gone, replaced or archived
            with suppress(LostRace):
                self._settlement.abandon(stored)
            return None
        self.register([placed[0].entry])
        (finished,) = self._complete_all(placed)
        self.on_recovered(finished)
        self.on_visible([finished])
        return finished

    def give_up(self, stored: Stored) -> None:
        """Give an unfinished publication up; see `Settlement.abandon`.

        Raises:
            LostRace: another process completed it.
        """
        self._settlement.abandon(stored)

    def settle(self, table: TableName, partition: Partition) -> None:
        """Repair live objects, catalog and pins from the ledger; see `Settlement.settle`.

        Raises:
            NotPrimary: another bucket is the primary.
        """
        self.epochs.require()
        self._settlement.settle(table, partition)

    @property
    def _settlement(self) -> Settlement:
        return Settlement(self.ledger, self.placement, self.register, self.recover)

    @property
    def _joint(self) -> JointReservation:
        return JointReservation(self.ledger, self.placement, self.runs)

    def _listed(self, entries: Sequence[LedgerEntry]) -> dict[Partition, list[int]]:
        """Return the numbers taken in partitions that lie together; the others' are listed one by one.

        A number that is taken after this is noticed like one taken after a listing of its own: it cannot be taken twice.
        """
        return self.ledger.sequences(TableName.parse(entries[0].table), [e.parsed for e in entries]) if entries else {}

    def _decide(self, entry: LedgerEntry, taken: list[int] | None) -> Decision:
        """Number the entry, or find that its content is live already; refuse what must not happen."""
        table, partition = TableName.parse(entry.table), entry.parsed
        seq, live = self._next(table, partition, taken)
        older = live is not None and live.run.order > entry.run.order
        if live and _same_content(live, entry) and self.placement.is_intact(live):
            if older:  # a newer run has published the same content
                said = live.model_copy(update={"state": "unchanged", "epoch": entry.epoch})
                return Decision(said, takes_number=False, confirms=live, next_number=seq)
            confirmed: dict[str, Any] = {
                "seq": seq,
                "run": entry.run,
                "run_record": entry.run_record,
                "epoch": entry.epoch,
            }
            confirmed |= {"ticket": live.ticket if entry.kind == "compaction" else None}
            confirmed |= {"period": entry.period, "inputs": entry.inputs, "code": entry.code, "audit": entry.audit}
            confirmed |= {"approval": entry.approval or live.approval}
            confirmed |= {"state": "unchanged", "staging": entry.staging, "surplus": ()}
            confirmed |= {"confirmed_at": self.clock()}
            return Decision(live.model_copy(update=confirmed), confirms=live)
        if entry.based_on is not None:  # a run that read the latest state may publish, however old it is
            _refuse_stale(entry, live)
        elif live and older:
            raise FencedError(
                f"{entry.where}: publication {live.seq} is of a newer run (`{live.run.id}`, {live.run.order}) than "
                f"this one (`{entry.run.id}`, {entry.run.order}). Nothing was published. To publish this content, "
                "start a new run: clear this one, or trigger the partition again."
            )
        empty = self.placement.refuse_foreign(entry)
        entry = self.placement.relocated(entry, seq, empty)
        keys = {item.key for item in entry.objects}
        # Immutable objects stay for readers under way and for rollback, until garbage collection.
        replaced = live.objects if live and live.layout == "plain" else ()
        surplus = tuple(item.key for item in replaced if item.key not in keys)
        numbered = {"seq": seq, "live_seq": seq, "surplus": surplus, "reserved_at": self.clock(), "state": "publishing"}
        if entry.kind != "compaction":  # keeps the order of the run that it rewrites
            numbered |= {"ticket": None}
        if entry.kind not in ("compaction", "expired"):  # these keep the age of the rows
            numbered |= {"confirmed_at": self.clock()}
        return Decision(entry.model_copy(update=numbered), empty=empty)

    def _next(self, table: TableName, partition: Partition, taken: list[int] | None) -> tuple[int, LedgerEntry | None]:
        """Return the next number and the live entry. First complete the last number, so that none stays unfinished.

        `taken` are the numbers, if they were listed already.
        """
        for turn in range(ATTEMPTS):
            numbers = taken if taken is not None and turn == 0 else self.ledger.sequence(table, partition)
            if not numbers:
                return self.ledger.number_after(0), None
            last = self.ledger.read(table, partition, numbers[-1]).entry
            if last.is_live:
                Folding(self.ledger).fold_if_long(table, partition, numbers)
                return self.ledger.number_after(last.seq), last if last.objects else None
            if last.state == "abandoned":
                return self.ledger.number_after(last.seq), self.ledger.live(table, partition, numbers[:-1])
            self.recover(table, partition)
        raise LostRace(f"`{table}` {partition}: other writers kept taking numbers. The next attempt decides again.")

    def _reserve_all(
        self, ready: Sequence[Decision], ticket: HeldTicket | None
    ) -> tuple[list[Stored], HeldTicket | None]:
        """Take the numbers; those of a promotion jointly, so that all of it becomes live or nothing.

        Raises:
            LostRace: a number was lost. Confirmations that have theirs are complete in the ledger, so they are registered.
        """
        lost: list[LostRace] = []

        def reserve(decided: Decision) -> Stored | LostRace:
            """Take a number, unless one was lost already: it would belong to a run that cannot be whole."""
            if lost:
                return lost[0]
            try:
                return self._reserve(decided)
            except LostRace as error:
                lost.append(error)
                return error

        reserved = self.ledger.store.map(reserve, ready)
        taken = [item for item in reserved if isinstance(item, Stored)]
        try:
            if ticket and any(is_joint(item.entry) for item in ready):
                return self._joint.confirmed(TableName.parse(ready[0].entry.table), ticket, reserved)
            if lost:
                raise lost[0]
        except LostRace:
            for entry in [stored.entry for stored in taken if stored.etag and stored.entry.state == "unchanged"]:
                self.settle(TableName.parse(entry.table), entry.parsed)
            raise
        return taken, ticket

    def _reserve(self, decided: Decision) -> Stored:
        """Take the number. A writer that loses it to the same content is done."""
        if not decided.takes_number:
            return Stored(decided.entry, "")
        entry = self.placement.opened(decided.entry, decided.empty)
        try:
            return self.ledger.reserve(entry)
        except LostRace:
            if own := self._joint.own(entry):
                return own
            table, partition = TableName.parse(entry.table), entry.parsed
            self.settle(table, partition)  # it may be our own number, whose response was lost: register it
            self.placement.close(entry)
            live = self.ledger.live(table, partition)
            hidden = live is not None and live.ticket not in (None, entry.ticket)  # as part of another run
            if live is None or live.content != entry.content or hidden:
                raise
            return Stored(live.model_copy(update={"state": "unchanged"}), "")

    def _require_still(self, epoch: int, reserved: Sequence[Stored], ticket: HeldTicket | None) -> None:
        """Give the numbers up if the epoch ended before they were taken: the takeover may not have seen them."""
        try:
            self.epochs.require(epoch)
        except NotPrimary:
            self._joint.give_up(reserved)
            if ticket:
                self.runs.drop(TableName.parse(reserved[0].entry.table), ticket.ticket.number)
            raise

    def _place_own(self, reserved: Sequence[Stored]) -> list[Stored]:
        """Place a run's objects. If a staged one is gone or replaced, leave no number open: finish or give up each.

        Another process may have completed the run and cleared its staging after this attempt had begun.
        """
        try:
            return self._place_all(reserved)
        except (SourceGone, StagedChanged):
            for entry in [stored.entry for stored in reserved if stored.etag]:
                with suppress(LostRace):
                    self.recover(TableName.parse(entry.table), entry.parsed)
            raise

    def _place_all(self, reserved: Sequence[Stored]) -> list[Stored]:
        self.on_step("place")
        return self.ledger.store.map(self._place_entry, reserved)

    def _place_entry(self, stored: Stored) -> Stored:
        entry = stored.entry
        if entry.state == "unchanged":
            return stored
        try:
            objects = tuple(self.placement.place(entry, item) for item in entry.objects)
        except UploadGone:
            stored = self._settlement.reopened(stored)
            entry = stored.entry
            objects = tuple(self.placement.place(entry, item) for item in entry.objects)
        self.on_step("placed")
        return Stored(entry.model_copy(update={"objects": objects}), stored.etag)

    def _complete_all(self, placed: Sequence[Stored]) -> list[LedgerEntry]:
        self.on_step("surplus")
        self.ledger.store.map(self.placement.remove, [stored.entry for stored in placed])
        self.on_step("complete")
        taken = self._listed([stored.entry for stored in placed if stored.etag and stored.entry.state == "unchanged"])
        finished = self.ledger.store.map(
            lambda stored: self._complete_or_settle(stored, taken.get(stored.entry.parsed)), placed
        )
        if lost := [item for item in finished if isinstance(item, LostRace)]:
            raise lost[0]
        return [item for item in finished if isinstance(item, LedgerEntry)]

    def _complete_or_settle(self, stored: Stored, taken: list[int] | None) -> LedgerEntry | LostRace:
        """Complete an entry. One that was lost keeps no other from being settled: our late steps touched them all."""
        try:
            return self._complete(stored, taken)
        except LostRace as lost:
            return lost

    def _complete(self, stored: Stored, taken: list[int] | None) -> LedgerEntry:
        if stored.entry.state == "unchanged":
            if stored.etag:
                self._look_back(stored.entry, taken)
            return stored.entry
        entry = stored.entry.model_copy(update={"state": "published", "published_at": self.clock()})
        try:
            return self.ledger.complete(stored, entry).entry
        except LostRace:
            # Another process rolled this publication forward. Our late steps may have undone some of its work.
            table, partition = TableName.parse(entry.table), entry.parsed
            self.settle(table, partition)
            finished = self.ledger.read(table, partition, entry.seq).entry
            if finished.state != "published":
                raise
            return finished

    def _look_back(self, confirmed: LedgerEntry, taken: list[int] | None) -> None:
        """Settle if another run published after a confirmation took its number: the confirmation was registered later."""
        table, partition = TableName.parse(confirmed.table), confirmed.parsed
        numbers = self.ledger.sequence(table, partition) if taken is None else taken
        if numbers[-1] != confirmed.seq:
            self.settle(table, partition)


def _same_content(live: LedgerEntry, entry: LedgerEntry) -> bool:
    """Return True if publishing would change nothing: the same bytes in the same layout (any immutable copy will do)."""
    placed_alike = live.layout == entry.layout and (live.layout == "versioned" or live.location == entry.location)
    return placed_alike and live.content == entry.content


def _refuse_stale(entry: LedgerEntry, live: LedgerEntry | None) -> None:
    current = live.live_seq if live else 0
    confirmed = live and entry.kind == "expired" and live.last_confirmed > entry.last_confirmed
    if current != entry.based_on or confirmed:
        raise StaleBuild(
            f"{entry.where}: publication {current} was made live after this run (`{entry.run.id}`) read its "
            f"inputs (then {entry.based_on} was live). Nothing was published. Build it again."
        )
