"""Entries of the ledger: one publication of one partition each."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from lakeworks.core.layout import folded_prefix, ledger_key
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.ledger.document import Record, StoredDocument
from lakeworks.ledger.run_record import Run

EntryState = Literal["publishing", "published", "unchanged", "abandoned"]
EntryKind = Literal["publish", "rollback", "compaction", "withdrawal", "expired"]


class LiveObject(Record):
    """One object of a publication."""

    key: str
    size: int
    sha256: str
    rows: int
    source_key: str = Field(description="Source of the bytes: staging, or an earlier version for a rollback.")
    source_version: str | None = None
    version_id: str | None = Field(None, description="Version id, set when the object is live; readers pin it.")
    upload: str | None = Field(
        None,
        description="Upload that fills an empty key; S3 completes it only once.",
    )


class ApprovedBy(Record):
    """The person who let a publication through, and the reasons why someone had to."""

    by: str
    at: datetime
    note: str = ""
    reasons: tuple[str, ...] = ()


class LedgerEntry(StoredDocument):
    """One publication of one partition."""

    table: str
    partition: str
    seq: int = Field(ge=1)
    state: EntryState
    kind: EntryKind = "publish"
    epoch: int = Field(1, description="Epoch of the lake in which it took its number (ledger/epoch.py).")
    live_seq: int = Field(description="The publication whose objects are live: this one, or the one it confirms.")
    run: Run
    ticket: int | None = Field(
        None, description="Ticket of a run over several partitions; readers see them after the ticket is closed."
    )
    period: str
    contract_version: str
    schema_fingerprint: str
    content: str = Field(description="Content hash over the objects.")
    based_on: int | None = Field(
        None,
        description="The publication that was live before the inputs were read (0: none); for `late_data` and "
        "compactions. This entry is not published if another publication is live by then.",
    )
    base: int | None = Field(
        None, description="In a dev lake: the live publication that it would replace, as of then (0: none)."
    )
    promoted_from: str = Field(
        "", description="Dev lake and publication whose bytes these are (`fix-42.<token>/9000001`)."
    )
    objects: tuple[LiveObject, ...]
    surplus: tuple[str, ...] = Field((), description="Live keys of the previous publication that this one removes.")
    location: str = Field(description="Key prefix to which the catalog points.")
    layout: Literal["plain", "versioned"] = Field(
        "plain", description="Layout: objects are replaced (plain), or never change (versioned)."
    )
    staging: str = Field("", description="Staging prefix to remove after the publication.")
    run_record: str = ""
    inputs: str = Field("", description="Fingerprint of the upstream publications it was built from.")
    code: str = Field("", description="Fingerprint of the code that built it; empty in entries of older releases.")
    audit: dict[str, Any] | None = None
    approval: ApprovedBy | None = Field(None, description="The approval that its contract demanded.")
    reserved_at: datetime
    published_at: datetime | None = None
    confirmed_at: datetime | None = Field(
        None, description="Time at which a run last published or confirmed these rows; retention counts from here."
    )

    @property
    def last_confirmed(self) -> datetime:
        """The time from which retention counts. Entries of older releases only have their publication time."""
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

    def as_row(self) -> dict[str, Any]:
        """Return a row for people and programs about what an act made live."""
        return {
            "table": self.table,
            "partition": str(self.parsed),
            "publication": self.seq,
            "state": self.state,
            "rows": self.rows,
        }

    @property
    def is_live(self) -> bool:
        """Return True if the entry is complete and says what is live."""
        return self.state in ("published", "unchanged")

    @property
    def where(self) -> str:
        """Table and partition for messages."""
        return f"`{self.table}` {self.parsed}"


class FoldedEntries(StoredDocument):
    """Old entries of one partition in one object."""

    entries: tuple[LedgerEntry, ...]

    @staticmethod
    def key_of(table: TableName, partition: Partition, first: int, last: int) -> str:
        """Return the key of the object with the entries from one number to another."""
        return f"{folded_prefix(table, partition)}{first:08d}-{last:08d}.json"


@dataclass(frozen=True)
class Stored:
    """An entry and its ETag, which is the condition of its next change."""

    entry: LedgerEntry
    etag: str
