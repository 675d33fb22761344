"""A dev lake's ledger: its own publications, and below them those of the live lake.

A number says whose publication it is: those of a dev lake begin at 9,000,001. So both are one history for readers and writers,
and no request is needed to tell them apart. Two writers of a dev lake meet at one number, although the live lake moves on.

A live publication that is not complete, or whose run is not whole, looks abandoned here: a dev lake never finishes it.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from lakeworks.branches.pins import Pins
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import LakeNotFound, LostRace
from lakeworks.ledger.entry import LedgerEntry, LiveObject, Stored
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.run_numbers import RunNumbers
from lakeworks.s3.dev_branch import PARENT, parents_key
from lakeworks.s3.object_store import ObjectStore

# The last number that is the live lake's: a partition published each minute takes 17 years. Names of entries begin with a 0.
LAST_OF_PARENT = 9_000_000


class OverlayLedger(Ledger):
    """The ledger of a dev lake over that of the live lake. Without pins, it follows what is live."""

    def __init__(
        self, store: ObjectStore, runs: Mapping[TableName, RunNumbers] | None, parent: Ledger, pins: Pins | None
    ) -> None:
        super().__init__(store, runs)
        self.parent = parent
        self.pins = pins

    def number_after(self, seq: int) -> int:
        """Return the number that a publication of the dev lake takes after another one."""
        return max(seq, LAST_OF_PARENT) + 1

    def sequence(self, table: TableName, partition: Partition) -> list[int]:
        """Return the live numbers that the dev lake sees, then its own."""
        return self._numbers_of_parent(table, partition) + super().sequence(table, partition)

    def own(self, table: TableName) -> dict[Partition, list[int]]:
        """Return the numbers of the dev lake itself in every partition that it wrote."""
        return super().numbers(table)

    def read(self, table: TableName, partition: Partition, seq: int) -> Stored:
        """Return one entry: the dev lake's, or a live one as the dev lake sees it."""
        if seq > LAST_OF_PARENT:
            return super().read(table, partition, seq)
        try:
            return self._seen(self.parent.read(table, partition, seq))
        except LakeNotFound as error:
            if self.pins is None:
                raise
            name = self.pins.branch.name
            raise LakeNotFound(
                f"`{table}` {partition}: publication {seq}, which dev lake `{name}` reads, is gone from the live lake. Its "
                f"ledger was removed there. Nothing was changed. Let the dev lake read the present publications: lakeworks dev "
                f"refresh {name}; or remove it: lakeworks dev drop {name}"
            ) from error

    def numbers(self, table: TableName, below: str = "", after: str = "") -> dict[Partition, list[int]]:
        """Return the numbers in every partition of a table, by path."""
        merged = self._all_of_parent(table, below, after)
        for partition, numbers in super().numbers(table, below, after).items():
            merged[partition] = merged.get(partition, []) + numbers
        return {partition: merged[partition] for partition in sorted(merged, key=lambda item: item.path)}

    def reserve(self, entry: LedgerEntry) -> Stored:
        """Take the entry's number. It removes no object of the live lake, and remembers what is live below it."""
        kept = tuple(key for key in entry.surplus if not key.startswith(f"{PARENT}/"))
        below = self.below(TableName.parse(entry.table), entry.parsed)
        update = {"surplus": kept, "base": below.live_seq if below else 0, "promoted_from": ""}
        return super().reserve(entry.model_copy(update=update))

    def below(self, table: TableName, partition: Partition) -> LedgerEntry | None:
        """Return the live publication below the dev lake's own, as it sees it; None where nothing is live."""
        return self.live(table, partition, self._numbers_of_parent(table, partition))

    def complete(self, stored: Stored, entry: LedgerEntry) -> Stored:
        """Replace an entry of the dev lake.

        Raises:
            LostRace: another process did, or it is a publication of the live lake.
        """
        if entry.seq <= LAST_OF_PARENT:
            raise LostRace(f"{entry.where}: publication {entry.seq} is the live lake's. A dev lake does not change it.")
        return super().complete(stored, entry)

    def runs(self, table: TableName, period: Period | None = None) -> Iterator[str]:
        """Yield keys of run records, the live lake's included, by period then attempt."""
        keys = [*super().runs(table, period), *map(parents_key, self.parent.runs(table, period))]
        yield from sorted(keys, key=lambda key: key.removeprefix(f"{PARENT}/"))

    def recorded(self, table: TableName, period: Period | None = None) -> Iterator[tuple[Period, datetime]]:
        """Yield the period of each run record and when it was written."""
        yield from self.parent.recorded(table, period)
        yield from super().recorded(table, period)

    def _numbers_of_parent(self, table: TableName, partition: Partition) -> list[int]:
        if self.pins is None:
            return self.parent.sequence(table, partition)
        pinned = self.pins.of(table).get(partition)
        return [pinned] if pinned else []

    def _all_of_parent(self, table: TableName, below: str, after: str) -> dict[Partition, list[int]]:
        if self.pins is None:
            return self.parent.numbers(table, below, after)
        pinned = self.pins.of(table).items()
        return {
            partition: [number]
            for partition, number in pinned
            # as a listing compares whole keys, which end with an entry's name
            if f"{partition.path}/".startswith(below) and f"{partition.path}/0" > after
        }

    def _seen(self, stored: Stored) -> Stored:
        """Return a live entry as the dev lake sees it: its objects lie at the live lake's keys."""
        entry = stored.entry
        runs = self.parent.run_numbers.get(TableName.parse(entry.table))
        is_hidden = entry.state == "publishing" or (runs is not None and runs.hides(entry))
        update = {
            "state": "abandoned" if is_hidden else entry.state,
            "objects": tuple(map(_of_parent, entry.objects)),
            "location": parents_key(entry.location),
            "run_record": parents_key(entry.run_record) if entry.run_record else "",
            "ticket": None,
            "surplus": (),
            "staging": "",
        }
        return Stored(entry.model_copy(update=update), stored.etag)


def _of_parent(item: LiveObject) -> LiveObject:
    return item.model_copy(update={"key": parents_key(item.key), "upload": None})
