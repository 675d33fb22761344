"""A release: one document that names a publication of every partition of some tables, each at its object versions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import Field

from lakeworks.core.layout import release_documents
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import ConfigError, LakeNotFound, LedgerCorrupt, LostRace, NewerFormat
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.named_documents import NamedDocument, NamedDocuments, SeenDocument
from lakeworks.s3.object_store import ObjectStore

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ADVICE = (
    "is not a release: {problem}. Nothing was changed. An earlier version of the object may be intact; "
    "or remove the release: lakeworks release drop"
)


class Release(NamedDocument):
    """The document. Its entries are those of the ledger; maintenance changes only where their objects are."""

    created_at: datetime
    as_of: datetime | None = Field(None, description="The moment whose state it names; none: that of its creation.")
    until: date | None = Field(None, description="The last day on which it is held; none: until it is dropped.")
    note: str = ""
    tables: tuple[str, ...] = Field(description="Its tables, also those that had no partitions.")
    entries: tuple[LedgerEntry, ...] = Field(description="The publications, without their audit results.")

    def of_table(self, table: TableName) -> dict[Partition, LedgerEntry]:
        """Return a table's publications by partition.

        Raises:
            LakeNotFound: the release does not name the table.
        """
        if str(table) not in self.tables:
            raise LakeNotFound(
                f"Release `{self.name}` does not name `{table}`, but {', '.join(self.tables)}. Nothing was read."
            )
        return {entry.parsed: entry for entry in self.entries if entry.table == str(table)}

    def is_held(self, now: datetime) -> bool:
        """Return True while maintenance protects its versions."""
        return self.until is None or now.date() <= self.until


StoredRelease = SeenDocument[Release]


@dataclass(frozen=True)
class ReleaseRegister:
    """The releases of a lake, or of a tenant's share of it."""

    store: ObjectStore

    @property
    def documents(self) -> NamedDocuments[Release]:
        """The documents as they are stored."""
        return NamedDocuments(self.store, release_documents(), Release, _ADVICE)

    def create(self, release: Release) -> StoredRelease:
        """Write a new release.

        Raises:
            ConfigError: there is one of this name; it was not changed.
        """
        try:
            return self.documents.create(release)
        except LostRace as error:
            raise ConfigError(
                f"Release `{release.name}` exists; it was not changed. Choose another name, or look: "
                f"lakeworks release show {release.name}"
            ) from error

    def read(self, name: str) -> StoredRelease:
        """Return a release.

        Raises:
            LakeNotFound: there is none of this name.
            LedgerCorrupt: it does not parse.
        """
        try:
            return self.documents.read(checked_name(name))
        except LakeNotFound as error:
            known = ", ".join(self.names()) or "none"
            raise LakeNotFound(f"There is no release `{name}`. Nothing was changed. Releases: {known}.") from error

    def replace(self, seen: StoredRelease, release: Release) -> StoredRelease:
        """Replace a release that did not change since it was read.

        Raises:
            LostRace: another process changed it; nothing was written.
        """
        return self.documents.replace(seen, release)

    def drop(self, name: str) -> None:
        """Delete a release, also one that does not parse.

        Raises:
            LakeNotFound: there is none of this name.
            NewerFormat: a newer release of lakeworks wrote it; it stays.
            LostRace: another process changed it meanwhile; it stays.
        """
        try:
            self.documents.remove(self.read(name))
        except NewerFormat:
            raise
        except LedgerCorrupt:
            self.documents.remove_unreadable(name)

    def names(self) -> list[str]:
        """Return the names of all releases, in order."""
        return self.documents.names()

    def all(self) -> Iterator[StoredRelease]:
        """Yield every release.

        Raises:
            LedgerCorrupt: one does not parse.
        """
        return self.documents.all()


def checked_name(name: str) -> str:
    """Return a release's name.

    Raises:
        ConfigError: it cannot be one.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"`{name}` cannot name a release: use up to 100 letters, digits, `.`, `_` and `-`, first a letter or digit. "
            "Nothing was changed."
        )
    return name
