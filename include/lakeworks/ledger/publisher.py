"""Making staged partitions live: reserve, place, register, complete. Every step is idempotent, so any writer can finish it.

In layout `plain` a partition is one object at a fixed key, replaced in one step. In layout `versioned` its objects are
immutable and the completed ledger entry is what makes them live; the catalog's location follows from it.

The number in the ledger is the lock: it is taken by `If-None-Match`, and only its holder's content (placed by the holder or by
whoever rolls it forward) can become live under it. A live object carries its number in its metadata, because an ETag is
content-based and cannot tell A-B-A apart.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import FencedError, LiveChanged, LostRace, SourceGone, StagedChanged, StaleBuild
from lakeworks.ledger.ledger import Ledger, LedgerEntry, LiveObject, Stored
from lakeworks.s3.multipart import copy_object
from lakeworks.s3.object_store import SHA256, StoredObject, Target

SEQUENCE = "lakeworks-seq"
_ATTEMPTS = 5

Register = Callable[[Sequence[LedgerEntry]], None]


def utc_now() -> datetime:
    """The clock of the ledger; nothing in the data depends on it."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class _Decision:
    """What is to become of a wanted entry; one that only repeats what a newer run said takes no number."""

    entry: LedgerEntry
    takes_number: bool = True


@dataclass(frozen=True)
class Publisher:
    """Publishes partitions. `register` brings the catalog in line; `on_step` is told each step's name before it happens.

    `on_recovered` is told of publications of others that were rolled forward.
    """

    ledger: Ledger
    register: Register
    clock: Callable[[], datetime] = utc_now
    on_step: Callable[[str], None] = lambda _: None
    on_recovered: Callable[[LedgerEntry], None] = lambda _: None

    def publish(self, wanted: Sequence[LedgerEntry]) -> list[LedgerEntry]:
        """Make every wanted entry live (their `seq` is given here) and return them completed, in order.

        All partitions are checked before the first number is taken.

        Raises:
            FencedError: a newer run has published one of the partitions; nothing was changed.
            StaleBuild: one of them was published anew since its inputs were read; nothing was changed.
            LiveChanged: a live object is not the one the ledger names; nothing was changed.
            LostRace: another writer was faster somewhere; what was published stays, the next attempt decides anew.
        """
        each = self.ledger.store.map
        self.on_step("check")
        ready = each(self._decide, wanted)
        self.on_step("reserve")
        reserved = each(self._reserve, ready)
        placed = self._place_all(reserved)
        self.on_step("register")
        self.register([stored.entry for stored in placed])
        return self._complete_all(placed)

    def recover(self, table: TableName, partition: Partition) -> LedgerEntry | None:
        """Roll an unfinished publication of the partition forward; returns it completed, or None if there was none."""
        stored = self.ledger.latest(table, partition)
        if stored is None or stored.entry.state != "publishing":
            return None
        try:
            placed = self._place_all([stored])
        except (SourceGone, StagedChanged):  # its staged files are gone, or not ours any more, and it never went live
            with suppress(LostRace):
                self.ledger.complete(stored, stored.entry.model_copy(update={"state": "abandoned"}))
            return None
        self.register([placed[0].entry])
        (finished,) = self._complete_all(placed)
        self.on_recovered(finished)
        return finished

    def settle(self, table: TableName, partition: Partition) -> None:
        """Bring live objects and catalog in line with the ledger, from the object versions it pins."""
        entry = self.ledger.live(table, partition)
        if entry is None:
            return
        for item in entry.objects:
            live = self.ledger.store.head(item.key)
            if live is None or not holds(live, entry, item):
                source = StoredObject(item.key, item.size, "", item.version_id, {SHA256: item.sha256})
                copy_object(self.ledger.store, source, _target(item, entry.live_seq, live))
        self.register([entry])

    def _decide(self, wanted: LedgerEntry) -> "_Decision":
        """Number the entry, or find that its content is live already; refuses what must not happen."""
        table, partition = TableName.parse(wanted.table), wanted.parsed
        numbers = self._finished(table, partition)
        seq = numbers[-1] + 1 if numbers else 1
        live = self.ledger.live(table, partition, numbers)
        older = live is not None and live.run.order > wanted.run.order
        if live and _same(live, wanted) and self._intact(live):
            if older:  # nothing to say that a newer run has not said
                return _Decision(live.model_copy(update={"state": "unchanged"}), takes_number=False)
            confirmed: dict[str, Any] = {"seq": seq, "run": wanted.run, "run_record": wanted.run_record}
            confirmed |= {"period": wanted.period, "inputs": wanted.inputs, "audit": wanted.audit}
            confirmed |= {"state": "unchanged", "staging": wanted.staging, "surplus": ()}
            confirmed |= {"confirmed_at": self.clock()}
            return _Decision(live.model_copy(update=confirmed))
        if wanted.based_on is not None:  # whoever read the latest state may publish, however old its run
            _refuse_stale(wanted, live)
        elif live and older:
            raise FencedError(
                f"{wanted.where}: publication {live.seq} is of a newer run (`{live.run.id}`, {live.run.order}) than this "
                f"one (`{wanted.run.id}`, {wanted.run.order}). Nothing was published. If this content is wanted, start "
                "a new run: clear this one, or trigger the partition again."
            )
        self._refuse_foreign(wanted)
        keys = {item.key for item in wanted.objects}
        # Immutable objects stay for readers under way and for rollback, until garbage collection.
        replaced = live.objects if live and live.layout == "plain" else ()
        surplus = tuple(item.key for item in replaced if item.key not in keys)
        numbered = {"seq": seq, "live_seq": seq, "surplus": surplus, "reserved_at": self.clock(), "state": "publishing"}
        if wanted.kind not in ("compaction", "expired"):  # these keep rows as old as they are
            numbered |= {"confirmed_at": self.clock()}
        return _Decision(wanted.model_copy(update=numbered))

    def _finished(self, table: TableName, partition: Partition) -> list[int]:
        """The numbers taken, once the last of them is complete; ours is the next one, so none is ever left unfinished."""
        for _ in range(_ATTEMPTS):
            numbers = self.ledger.sequence(table, partition)
            if not numbers or self.ledger.read(table, partition, numbers[-1]).entry.state != "publishing":
                return numbers
            self.recover(table, partition)
        raise LostRace(f"`{table}` {partition}: other writers kept taking numbers. The next attempt decides anew.")

    def _intact(self, live: LedgerEntry) -> bool:
        heads = [(self.ledger.store.head(item.key), item) for item in live.objects]
        return all(head is not None and holds(head, live, item) for head, item in heads)

    def _refuse_foreign(self, wanted: LedgerEntry) -> None:
        for item in wanted.objects:
            live = self.ledger.store.head(item.key)
            changed = live and wanted.layout == "versioned" and live.metadata.get(SHA256) != item.sha256
            if live and (changed or SEQUENCE not in live.metadata):
                raise LiveChanged(
                    f"{wanted.where}: `{self.ledger.store.uri(item.key)}` was written by something other than lakeworks. "
                    "Nothing was published and the object was left alone. Move it away, or restore the published "
                    f"version: lakeworks repair {wanted.table}"
                )

    def _reserve(self, decided: "_Decision") -> Stored:
        """Take the number; a writer that loses it to the very same content has nothing left to do."""
        entry = decided.entry
        if not decided.takes_number:
            return Stored(entry, "")
        try:
            return self.ledger.reserve(entry)
        except LostRace:
            table, partition = TableName.parse(entry.table), entry.parsed
            self.recover(table, partition)
            live = self.ledger.live(table, partition)
            if live is None or live.content != entry.content:
                raise
            return Stored(live.model_copy(update={"state": "unchanged"}), "")

    def _place_all(self, reserved: Sequence[Stored]) -> list[Stored]:
        self.on_step("place")
        return self.ledger.store.map(self._place, reserved)

    def _place(self, stored: Stored) -> Stored:
        entry = stored.entry
        if entry.state == "unchanged":
            return stored
        objects = tuple(self._place_object(entry, item) for item in entry.objects)
        self.on_step("placed")
        return Stored(entry.model_copy(update={"objects": objects}), stored.etag)

    def _place_object(self, entry: LedgerEntry, item: LiveObject) -> LiveObject:
        store = self.ledger.store
        for _ in range(_ATTEMPTS):
            live = store.head(item.key)
            if live and holds(live, entry, item):
                return item.model_copy(update={"version_id": live.version_id})
            if live and (SEQUENCE not in live.metadata or entry.layout == "versioned"):
                self._refuse_foreign(entry)
            if live and entry.layout == "plain" and int(live.metadata[SEQUENCE]) > entry.seq:
                raise LostRace(f"{entry.where}: publication {entry.seq} was overtaken by {live.metadata[SEQUENCE]}.")
            source = StoredObject(item.source_key, item.size, "", item.source_version, {SHA256: item.sha256})
            with suppress(LostRace):  # look again: somebody rolled this very publication forward, or an orphan woke up
                placed = copy_object(store, source, _target(item, entry.seq, live))
                return item.model_copy(update={"version_id": placed.version_id})
        raise LostRace(f"{entry.where}: the live object kept changing while publication {entry.seq} was placed.")

    def _complete_all(self, placed: Sequence[Stored]) -> list[LedgerEntry]:
        self.on_step("surplus")
        self.ledger.store.delete(key for stored in placed for key in stored.entry.surplus)
        self.on_step("complete")
        return self.ledger.store.map(self._complete, placed)

    def _complete(self, stored: Stored) -> LedgerEntry:
        if stored.entry.state == "unchanged":
            return stored.entry
        entry = stored.entry.model_copy(update={"state": "published", "published_at": self.clock()})
        try:
            return self.ledger.complete(stored, entry).entry
        except LostRace:
            # Somebody rolled this publication forward meanwhile; our late steps may have set something back.
            table, partition = TableName.parse(entry.table), entry.parsed
            self.settle(table, partition)
            finished = self.ledger.read(table, partition, entry.seq).entry
            if finished.state != "published":
                raise
            return finished


def holds(live: StoredObject, entry: LedgerEntry, item: LiveObject) -> bool:
    """Whether a stored object is the one an entry names: by content, and by number where objects are replaced."""
    numbered = entry.layout == "versioned" or live.metadata.get(SEQUENCE) == str(entry.live_seq)
    return numbered and live.metadata.get(SHA256) == item.sha256


def _same(live: LedgerEntry, wanted: LedgerEntry) -> bool:
    """Whether publishing would change nothing: the same bytes in the same layout (an immutable copy is as good as another)."""
    placed_alike = live.layout == wanted.layout and (live.layout == "versioned" or live.location == wanted.location)
    return placed_alike and live.content == wanted.content


def _refuse_stale(wanted: LedgerEntry, live: LedgerEntry | None) -> None:
    found = live.live_seq if live else 0
    confirmed = live and wanted.kind == "expired" and live.last_confirmed > wanted.last_confirmed
    if found != wanted.based_on or confirmed:
        raise StaleBuild(
            f"{wanted.where}: publication {found} came after this run (`{wanted.run.id}`) had read what it builds the "
            f"partition from (then {wanted.based_on} was live). Nothing was published; it has to be built again."
        )


def _target(item: LiveObject, seq: int, live: StoredObject | None) -> Target:
    metadata = {SEQUENCE: str(seq), SHA256: item.sha256, "lakeworks-rows": str(item.rows)}
    return Target(item.key, metadata, if_match=live.etag if live else None, if_absent=live is None)
