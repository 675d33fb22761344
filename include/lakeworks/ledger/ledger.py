"""The ledger: one numbered JSON object per publication and partition, taken by conditional writes.

`<seq>.json` is created with `If-None-Match: *` (state `publishing`), so exactly one writer gets a number, and completed with
`If-Match`. The highest `published` or `unchanged` entry defines the live data, whatever a killed writer left behind.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from lakeworks.core.layout import LEDGER, folded_prefix, join, ledger_key, ledger_prefix
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import LakeError, LedgerCorrupt, LostRace
from lakeworks.ledger.entry import FoldedEntries, LedgerEntry, Stored
from lakeworks.ledger.run_numbers import RunNumbers
from lakeworks.s3.listed.names import ListedKey, ListedNumber, listed_etag
from lakeworks.s3.object_store import ObjectStore, Target

log = logging.getLogger(__name__)
# Names of entries: the number in eight digits or more.
_NAME = re.compile(r"\d{8,}\.json")
_FOLDED_NAME = re.compile(r"\d{8,}-\d{8,}\.json")
# A folder's listing has the entries of all of its partitions; it is worth it from this many on.
_MANY = 8
_ADVICE = (
    "is not a ledger entry: {problem}. Nothing was changed. An earlier version of the object may be intact; see "
    "docs/reliability.md, or run: lakeworks verify"
)


class Ledger:
    """The ledger of one lake. With run numbers of tables, it is a reader that sees each run as a whole or not at all."""

    def __init__(self, store: ObjectStore, runs: Mapping[TableName, RunNumbers] | None = None) -> None:
        self.store = store
        self.run_numbers = runs or {}

    def listed(self, table: TableName, partition: Partition) -> list[tuple[int, datetime]]:
        """Return the numbers taken and not folded yet, ascending, each with the moment it was written last by S3's clock."""
        prefix = ledger_prefix(table, partition)
        named = ((_number(item.key.removeprefix(prefix)), item) for item in self.store.scan(f"{prefix}0"))
        return [
            (ListedNumber(number, item.etag), item.modified)
            for number, item in named
            if number is not None and item.modified is not None
        ]

    def sequence(self, table: TableName, partition: Partition) -> list[int]:
        """Return the numbers taken so far, ascending; ignore other objects in the folder."""
        prefix = ledger_prefix(table, partition)
        numbered = ((_number(key.removeprefix(prefix)), etag) for key, etag in self.store.names(f"{prefix}0"))
        return [ListedNumber(number, etag) for number, etag in numbered if number is not None]

    def sequences(self, table: TableName, partitions: Iterable[Partition]) -> dict[Partition, list[int]]:
        """Return the numbers of those partitions that lie together, many in a folder: one listing a folder.

        A single partition is not there: its own listing is the shorter one.
        """
        folders: dict[str, list[Partition]] = {}
        for partition in partitions:
            folders.setdefault(partition.path.rpartition("/")[0], []).append(partition)
        shared = [folder for folder, inside in folders.items() if folder and len(inside) >= _MANY]
        listings = self.store.map(lambda folder: self.numbers(table, f"{folder}/"), shared)
        return {
            partition: taken.get(partition, [])
            for folder, taken in zip(shared, listings, strict=True)
            for partition in folders[folder]
        }

    def number_after(self, seq: int) -> int:
        """Return the number that a publication takes after another one; after 0, the first."""
        return seq + 1

    def read(self, table: TableName, partition: Partition, seq: int) -> Stored:
        """Return one entry. A complete one that a listing named and this process knows already costs no request.

        Raises:
            LakeNotFound: there is no such publication.
            LedgerCorrupt: the object is not a ledger entry.
        """
        return self._load(ledger_key(table, partition, seq), listed_etag(seq))

    def latest(self, table: TableName, partition: Partition) -> Stored | None:
        """Return the entry with the highest number, whatever its state."""
        numbers = self.sequence(table, partition)
        return self.read(table, partition, numbers[-1]) if numbers else None

    def live(self, table: TableName, partition: Partition, numbers: list[int] | None = None) -> LedgerEntry | None:
        """Return the live publication (of `numbers`, if they were listed already); None where there is none."""
        stored = self.newest(table, partition, numbers)
        return stored.entry if stored and stored.entry.objects else None

    def live_of(self, table: TableName, partitions: Iterable[Partition]) -> dict[Partition, LedgerEntry]:
        """Return the live publications of some partitions; those that lie together are listed at once."""
        wanted = list(partitions)
        taken = self.sequences(table, wanted)
        entries = self.store.map(lambda partition: self.live(table, partition, taken.get(partition)), wanted)
        return {partition: entry for partition, entry in zip(wanted, entries, strict=True) if entry}

    def newest(self, table: TableName, partition: Partition, numbers: list[int] | None = None) -> Stored | None:
        """Return the highest complete entry, withdrawals included; None if none was ever completed."""
        runs = self.run_numbers.get(table)
        for seq in reversed(self.sequence(table, partition) if numbers is None else numbers):
            stored = self.read(table, partition, seq)
            if stored.entry.is_live and not (runs and runs.hides(stored.entry)):
                return stored
        return None

    def standing(self, table: TableName, partition: Partition, numbers: list[int]) -> LedgerEntry | None:
        """Return the current entry with objects, or the unfinished one on top of it; None where nothing is published.

        Raises:
            LedgerCorrupt: an entry does not parse.
        """
        newest = self.read(table, partition, numbers[-1]).entry if numbers else None
        if newest is None or newest.state == "publishing":
            return newest
        if newest.is_live:
            return newest if newest.objects else None
        return self.live(table, partition, numbers[:-1])

    def history(self, table: TableName, partition: Partition) -> list[LedgerEntry]:
        """Return every entry of a partition, folded ones included, oldest first."""
        numbers = self.sequence(table, partition)
        entries = [stored.entry for stored in self.store.map(lambda n: self.read(table, partition, n), numbers)]
        known = {entry.seq: entry for entry in [*self.folded(table, partition), *entries]}
        return [known[number] for number in sorted(known)]

    def newest_first(self, table: TableName, partition: Partition) -> Iterator[LedgerEntry]:
        """Yield the entries that are not folded, the newest first. Each is read on demand."""
        for number in reversed(self.sequence(table, partition)):
            yield self.read(table, partition, number).entry

    def folded(self, table: TableName, partition: Partition, prefix: str = "") -> Iterator[LedgerEntry]:
        """Yield the entries of folded objects: of a partition, or of the keys that begin with a prefix."""
        for item in self.store.scan(prefix or folded_prefix(table, partition)):
            folder, _, name = item.key.rpartition("/")
            if _FOLDED_NAME.fullmatch(name) and f"{folder}/" == folded_prefix(table, partition):
                body, _ = self.store.get(item.key)
                yield from FoldedEntries.read(body, self.store.uri(item.key), _ADVICE).entries

    def numbers(self, table: TableName, below: str = "", after: str = "") -> dict[Partition, list[int]]:
        """Return the numbers taken in every partition of a table, from one listing.

        `below` limits to a path prefix, `after` leaves out partitions whose path sorts before it.
        """
        root = join(LEDGER, table.path) + "/"
        by_partition: dict[str, list[int]] = {}
        for item in self.store.scan(root + below, start_after=f"{root}{after}" if after else ""):
            path, _, name = item.key.removeprefix(root).rpartition("/")
            if (number := _number(name)) is not None and not path.startswith("_"):
                by_partition.setdefault(path, []).append(ListedNumber(number, item.etag))
        return {part: numbers for path, numbers in by_partition.items() if (part := _partition(path)) is not None}

    def strays(self, table: TableName) -> list[str]:
        """Return the keys below a table's ledger that are neither entries nor run records. Another program wrote them."""
        root = join(LEDGER, table.path) + "/"
        keys = (item.key.removeprefix(root) for item in self.store.scan(root) if not item.key.endswith("/"))
        return [root + key for key in keys if not key.startswith("_") and not _is_entry(key)]

    def live_partitions(
        self,
        table: TableName,
        below: str = "",
        after: str = "",
        only: Callable[[Partition], bool] | None = None,
        on_unreadable: Callable[[Partition, LedgerCorrupt], object] | None = None,
    ) -> dict[Partition, LedgerEntry]:
        """Return the live entry of every partition of a table; `only` selects partitions before their entries are read.

        Raises:
            LedgerCorrupt: an entry does not parse, and `on_unreadable` does not accept it.
        """
        numbers = {part: taken for part, taken in self.numbers(table, below, after).items() if not only or only(part)}

        def live(partition: Partition) -> LedgerEntry | None:
            try:
                return self.live(table, partition, numbers[partition])
            except LedgerCorrupt as error:
                if on_unreadable is None:
                    raise
                on_unreadable(partition, error)
                return None

        entries = self.store.map(live, numbers)
        return {part: entry for part, entry in zip(numbers, entries, strict=True) if entry}

    def reserve(self, entry: LedgerEntry) -> Stored:
        """Take the entry's number.

        Raises:
            LostRace: another writer has it; nothing was written.
        """
        body = entry.model_dump_json(indent=1).encode()
        try:
            written = self.store.put(Target(entry.key, if_absent=True), body)
        except LostRace as error:
            raise LostRace(
                f"{entry.where}: another writer took publication {entry.seq} first. Live data is unchanged; the rows "
                "of this run stay staged. The next attempt decides again."
            ) from error
        return self._kept(Stored(entry, written.etag), entry.key, body)

    def complete(self, stored: Stored, entry: LedgerEntry) -> Stored:
        """Replace an entry that no one changed since it was read.

        Raises:
            LostRace: another process did.
        """
        target = Target(entry.key, if_match=stored.etag)
        body = entry.model_dump_json(indent=1).encode()
        return self._kept(Stored(entry, self.store.put(target, body).etag), entry.key, body)

    def runs(self, table: TableName, period: Period | None = None) -> Iterator[str]:
        """Yield keys of a table's run records, by period then attempt; with a period, of its runs and runs inside it.

        A day's key begins with its month's, so that the runs of a month and of its days are one listing.
        """
        prefix = join(LEDGER, table.path, "_runs") + "/"
        yield from (ListedKey(item.key, item.etag) for item in self.store.scan(f"{prefix}{period or ''}"))

    def recorded(self, table: TableName, period: Period | None = None) -> Iterator[tuple[Period, datetime]]:
        """Yield the period of each run record (as of `runs`) and when it was written."""
        prefix = join(LEDGER, table.path, "_runs") + "/"
        for item in self.store.scan(f"{prefix}{period or ''}"):
            ran = Period.find(item.key.removeprefix(prefix).partition("/")[0])
            if item.modified and ran:
                yield ran, item.modified

    def _load(self, key: str, etag: str) -> Stored:
        known = self.store.memory.recall(key, etag)
        if known is not None:
            return Stored(LedgerEntry.read(known, self.store.uri(key), _ADVICE), etag)
        body, found = self.store.get(key)
        return self._kept(Stored(LedgerEntry.read(body, self.store.uri(key), _ADVICE), found.etag), key, body)

    def _kept(self, stored: Stored, key: str, body: bytes) -> Stored:
        """Keep the body of a complete entry. One that is being published is read every time: its writer goes on."""
        if stored.entry.state != "publishing":
            self.store.memory.keep(key, stored.etag, body)
        return stored


def leave_out(partition: Partition, error: LedgerCorrupt) -> None:
    """Warn of a partition whose entry cannot be read, and continue with the others."""
    log.warning("%s is left out: %s", partition, error)


def _is_entry(key: str) -> bool:
    path, _, name = key.rpartition("/")
    return _number(name) is not None and _partition(path) is not None


def _partition(path: str) -> Partition | None:
    """Return the partition of a ledger folder; None for a folder of another program."""
    try:
        return Partition.parse(path)
    except LakeError:
        return None


def _number(name: str) -> int | None:
    """Return the number in an entry's name; None for another name."""
    return int(name.removesuffix(".json")) if _NAME.fullmatch(name) else None
