"""A reader by ledger of all days of the table: it sees each run over several of them whole or not at all, and never goes back.

What it must see is not derived from tickets or numbers. Each run staged rows of some days: where the reader sees one of
them, no other may show rows that are older than the run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from lakeworks.core.partition import Partition
from lakeworks.errors import LakeError
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_numbers import RunRegister
from tests.simulation.readers import Violation
from tests.simulation.scheduler import Request
from tests.simulation.world import World

_BY_HAND = ("rollback", "withdrawal", "expired")
View = Mapping[Partition, LedgerEntry]


@dataclass
class WholeRunReader:
    """What a reader of whole runs has seen in one world."""

    world: World
    seen: dict[Partition, int] = field(default_factory=dict)
    views: int = 0

    def look(self, request: Request | None = None) -> None:
        """Read all days at this moment, if a request may have changed what the ledger says.

        Raises:
            Violation: half of a run, an older view than before, or objects that are gone.
        """
        changed = request is None or str(request.arguments.get("Key", "_ledger/")).startswith("_ledger/")
        if len(self.world.partitions) < 2 or not changed:
            return
        self.views += 1
        view = self.view()
        judge(self.world, view)
        for partition, entry in view.items():
            if entry.seq < self.seen.get(partition, 0):
                raise Violation(
                    "older by whole runs", f"{partition}: entry {entry.seq} is read, after {self.seen[partition]}"
                )
            self.seen[partition] = entry.seq
            self._can_be_read(partition, entry, collected=request is not None)

    def view(self) -> View:
        """Return the entry of each day that the product's reader goes by, withdrawals too."""
        ledger = self.world.lake.with_whole_runs([self.world.contract.table]).ledger
        try:
            found = {part: ledger.newest(self.world.contract.table, part) for part in self.world.partitions}
        except LakeError as error:
            raise Violation(f"lost by whole runs ({type(error).__name__})", str(error)) from error
        return {partition: stored.entry for partition, stored in found.items() if stored}

    def ends(self) -> None:
        """After a last run over all days, a reader of whole runs sees what every other sees, and no ticket is open.

        Raises:
            Violation: it does not.
        """
        if len(self.world.partitions) < 2:
            return
        self.look()
        ledger, table = self.world.lake.ledger, self.world.contract.table
        newest = {part: stored.entry.seq for part in self.world.partitions if (stored := ledger.newest(table, part))}
        if {part: entry.seq for part, entry in self.view().items()} != newest:
            raise Violation("hidden in the end", "readers of whole runs do not see the last run")
        if left := RunRegister(self.world.lake.store).read(table).open:
            raise Violation("ticket left open", f"ticket {left[0].number} of `{left[0].run.id}` after the last run")

    def _can_be_read(self, partition: Partition, entry: LedgerEntry, *, collected: bool) -> None:
        """Ask for the pinned versions; with `collected`, while no person has damaged objects, for what is at their keys too."""
        for item in entry.objects:
            versions = self.world.bucket.keys.get(item.key, ())
            if not any(version.id == item.version_id and not version.marker for version in versions):
                raise Violation(
                    "pin lost by whole runs", f"{partition}: version {item.version_id} of `{item.key}` is gone"
                )
            if collected and entry.layout == "versioned" and self.world.bucket.current(item.key) is None:
                raise Violation(
                    "collected by whole runs", f"{partition}: `{item.key}`, which readers see, was collected"
                )


def judge(world: World, view: View) -> None:
    """No day may show rows that are older than a run of which another day is shown.

    Raises:
        Violation: half of a run is shown.
    """
    given_up = {t.run.id for t in RunRegister(world.lake.store).read(world.contract.table).open if t.given_up}
    for shown, entry in view.items():
        wrong = [_half(world, view, origin) for origin in _origins(world, entry) if origin.run.id not in given_up]
        if wrong and all(wrong) and not _is_confirmed_alone(world, entry):
            raise Violation("half a run by ledger", f"{shown} shows {wrong[0]}")


def _is_confirmed_alone(world: World, entry: LedgerEntry) -> bool:
    """Return true if a run of this day alone has the same rows: an older one confirms them under the newer one's name."""
    return entry.state == "unchanged" and (entry.parsed, entry.content) in world.staged_alone


def _half(world: World, view: View, origin: LedgerEntry) -> str:
    """Return which day shows something older than a run that staged it; empty where none does."""
    for partition, content in world.staged.get(origin.run.id, {}).items():
        other = view.get(partition)
        if other is None or not (_is_of(world, other, origin, content) or _is_after_an_act(world, other, origin)):
            what = f"entry {other.seq} of {other.run.id}" if other else "nothing"
            return f"{origin.run.id}, and {partition}, which it staged, shows {what}"
    return ""


def _is_after_an_act(world: World, other: LedgerEntry, origin: LedgerEntry) -> bool:
    """Return true if a person withdrew or rolled back what the origin's run published there: then an older run may publish."""
    table, part = world.contract.table, other.parsed
    entries = [world.lake.ledger.read(table, part, number).entry for number in world.lake.ledger.sequence(table, part)]
    ours = [entry.seq for entry in entries if entry.run.id == origin.run.id and entry.is_live]
    return any(ours[0] < entry.seq < other.seq and entry.kind in _BY_HAND for entry in entries if ours)


def _origins(world: World, entry: LedgerEntry) -> list[LedgerEntry]:
    """Return the publications whose rows an entry has: its own, and the one it confirms; none for a person's act."""
    read = partial(world.lake.ledger.read, world.contract.table, entry.parsed)
    if entry.kind in _BY_HAND or not entry.objects:
        return []
    if entry.state == "unchanged" and entry.live_seq != entry.seq:
        return [entry, *_origins(world, read(entry.live_seq).entry)]
    if entry.kind == "compaction" and entry.based_on:
        return _origins(world, read(entry.based_on).entry)
    return [entry]


def _is_of(world: World, other: LedgerEntry, origin: LedgerEntry, content: str) -> bool:
    """Return true if an entry shows the rows that a run staged, also as a compaction rewrote them, or a later run's."""
    rows = {other.content, *(entry.content for entry in _origins(world, other))}
    return other.kind in _BY_HAND or content in rows or other.run.started_at >= origin.run.started_at
