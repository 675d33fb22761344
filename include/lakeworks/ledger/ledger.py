"""The ledger: one numbered JSON object per publication and partition, taken by conditional writes.

`<seq>.json` is created with `If-None-Match: *` (state `publishing`), so exactly one writer gets a number, and completed with
`If-Match`. The highest `published` or `unchanged` entry says what is live, whatever a killed writer left behind.
"""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from lakeworks.core.layout import LEDGER, join, ledger_key, ledger_prefix
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import LedgerCorrupt, LostRace
from lakeworks.ledger.document import Document, Record
from lakeworks.ledger.run_record import Run
from lakeworks.s3.object_store import ObjectStore, Target

State = Literal["publishing", "published", "unchanged", "abandoned"]
log = logging.getLogger(__name__)
# Names of entries: the number in eight digits or more.
_NAME = re.compile(r"\d{8,}\.json")
_ADVICE = (
    "is not a ledger entry: {problem}. Nothing was changed. An earlier version of the object may be intact; see "
    "docs/reliability.md, or run: lakeworks verify"
)
Kind = Literal["publish", "rollback", "compaction", "withdrawal", "expired"]


class LiveObject(Record):
    """One object of a publication."""

    key: str
    size: int
    sha256: str
    rows: int
    source_key: str = Field(description="Where the bytes come from: staging, or an earlier version for a rollback.")
    source_version: str | None = None
    version_id: str | None = Field(None, description="Set once the object is live; readers pin it.")


class LedgerEntry(Document):
    """One publication of one partition."""

    table: str
    partition: str
    seq: int = Field(ge=1)
    state: State
    kind: Kind = "publish"
    live_seq: int = Field(description="The publication whose objects are live: this one, or the one it confirms.")
    run: Run
    period: str
    contract_version: str
    schema_fingerprint: str
    content: str = Field(description="Content hash over the objects.")
    based_on: int | None = Field(
        None,
        description="The publication that was live before the inputs were read (0: none), for what any run may rebuild "
        "(`rebuilds`) and for compactions: if another is live by then, this one is not published.",
    )
    objects: tuple[LiveObject, ...]
    surplus: tuple[str, ...] = Field((), description="Live keys of the previous publication that this one removes.")
    location: str = Field(description="Key prefix the catalog points at.")
    layout: Literal["plain", "versioned"] = Field("plain", description="Whether objects are replaced, or never change.")
    staging: str = Field("", description="Staging prefix to remove once published.")
    run_record: str = ""
    inputs: str = Field("", description="Fingerprint of the upstream publications it was built from.")
    audit: dict[str, Any] | None = None
    reserved_at: datetime
    published_at: datetime | None = None
    confirmed_at: datetime | None = Field(
        None, description="When a run last published or confirmed these rows; retention counts from here."
    )

    @property
    def last_confirmed(self) -> datetime:
        """The moment retention counts from; entries of older releases name only their publication."""
        return self.confirmed_at or self.published_at or self.reserved_at

    @property
    def key(self) -> str:
        """Return the entry's key."""
        return ledger_key(TableName.parse(self.table), self.parsed, self.seq)

    @property
    def parsed(self) -> Partition:
        """The partition."""
        return Partition.parse(self.partition)

    @property
    def rows(self) -> int:
        """Rows over all objects."""
        return sum(item.rows for item in self.objects)

    @property
    def size(self) -> int:
        """Bytes over all objects."""
        return sum(item.size for item in self.objects)

    @property
    def is_live(self) -> bool:
        """Return True if the entry is complete and says what is live."""
        return self.state in ("published", "unchanged")

    @property
    def where(self) -> str:
        """Table and partition for messages."""
        return f"`{self.table}` {self.parsed}"


@dataclass(frozen=True)
class Stored:
    """An entry and the ETag it is stored under, which guards its next change."""

    entry: LedgerEntry
    etag: str


class Ledger:
    """The ledger of one lake."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def sequence(self, table: TableName, partition: Partition) -> list[int]:
        """Return the numbers taken so far, ascending; what else lies in the folder is none."""
        prefix = ledger_prefix(table, partition)
        found = (_number(item.key.removeprefix(prefix)) for item in self.store.scan(f"{prefix}0"))
        return [number for number in found if number is not None]

    def read(self, table: TableName, partition: Partition, seq: int) -> Stored:
        """One entry.

        Raises:
            LakeNotFound: there is no such publication.
            LedgerCorrupt: the object is not a ledger entry.
        """
        return self._load(ledger_key(table, partition, seq))

    def latest(self, table: TableName, partition: Partition) -> Stored | None:
        """The entry with the highest number, whatever its state."""
        numbers = self.sequence(table, partition)
        return self.read(table, partition, numbers[-1]) if numbers else None

    def live(self, table: TableName, partition: Partition, numbers: list[int] | None = None) -> LedgerEntry | None:
        """Return the live publication (of `numbers`, if they were listed already); None where there is none."""
        stored = self.newest(table, partition, numbers)
        return stored.entry if stored and stored.entry.objects else None

    def newest(self, table: TableName, partition: Partition, numbers: list[int] | None = None) -> Stored | None:
        """Return the highest complete entry, a withdrawal too; None where nothing was ever completed."""
        for seq in reversed(self.sequence(table, partition) if numbers is None else numbers):
            stored = self.read(table, partition, seq)
            if stored.entry.is_live:
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
        """Every entry of a partition, oldest first."""
        numbers = self.sequence(table, partition)
        return [stored.entry for stored in self.store.map(lambda n: self.read(table, partition, n), numbers)]

    def numbers(self, table: TableName, below: str = "", after: str = "") -> dict[Partition, list[int]]:
        """Return the numbers taken in every partition of a table, from one listing.

        `below` limits to a path prefix, `after` leaves out partitions whose path sorts before it.
        """
        root = join(LEDGER, table.path) + "/"
        found: dict[str, list[int]] = {}
        for item in self.store.scan(root + below, start_after=f"{root}{after}" if after else ""):
            path, _, name = item.key.removeprefix(root).rpartition("/")
            if (number := _number(name)) is not None and not path.startswith("_"):
                found.setdefault(path, []).append(number)
        return {Partition.parse(path): numbers for path, numbers in found.items()}

    def strays(self, table: TableName) -> list[str]:
        """Return the keys below a table's ledger that are neither entries nor run records: something else put them there."""
        root = join(LEDGER, table.path) + "/"
        keys = (item.key.removeprefix(root) for item in self.store.scan(root) if not item.key.endswith("/"))
        return [root + key for key in keys if not key.startswith("_") and _number(key.rpartition("/")[2]) is None]

    def live_partitions(
        self,
        table: TableName,
        below: str = "",
        after: str = "",
        only: Callable[[Partition], bool] | None = None,
        on_unreadable: Callable[[Partition, LedgerCorrupt], object] | None = None,
    ) -> dict[Partition, LedgerEntry]:
        """Return what is live in every partition of a table; `only` picks partitions before their entries are read.

        Raises:
            LedgerCorrupt: an entry does not parse, and `on_unreadable` does not take it.
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
            return Stored(entry, self.store.put(Target(entry.key, if_absent=True), body).etag)
        except LostRace as error:
            raise LostRace(
                f"{entry.where}: another writer took publication {entry.seq} first. Live data is untouched by this run; "
                "its rows stay staged. The next attempt decides again."
            ) from error

    def complete(self, stored: Stored, entry: LedgerEntry) -> Stored:
        """Replace an entry that no one changed since it was read.

        Raises:
            LostRace: a person did.
        """
        target = Target(entry.key, if_match=stored.etag)
        return Stored(entry, self.store.put(target, entry.model_dump_json(indent=1).encode()).etag)

    def runs(self, table: TableName, period: Period | None = None) -> Iterator[str]:
        """Keys of the run records of a table, by period then attempt; with a period, of runs of it or inside it.

        A day's key begins with its month's, so that the runs of a month and of its days are one listing.
        """
        prefix = join(LEDGER, table.path, "_runs") + "/"
        yield from (item.key for item in self.store.scan(f"{prefix}{period or ''}"))

    def recorded(self, table: TableName, period: Period | None = None) -> Iterator[tuple[Period, datetime]]:
        """The period of each run record (as of `runs`) and when it was written."""
        prefix = join(LEDGER, table.path, "_runs") + "/"
        for item in self.store.scan(f"{prefix}{period or ''}"):
            ran = Period.find(item.key.removeprefix(prefix).partition("/")[0])
            if item.modified and ran:
                yield ran, item.modified

    def _load(self, key: str) -> Stored:
        body, found = self.store.get(key)
        return Stored(LedgerEntry.read(body, self.store.uri(key), _ADVICE), found.etag)


def leave_out(partition: Partition, error: LedgerCorrupt) -> None:
    """Warn of a partition whose entry cannot be read, and go on with the others."""
    log.warning("%s is left out: %s", partition, error)


def _number(name: str) -> int | None:
    """Return the number an entry's name is; None for the name of something else."""
    return int(name.removesuffix(".json")) if _NAME.fullmatch(name) else None
