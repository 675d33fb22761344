"""A release: one document that names a publication of every partition of some tables, each at its object versions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import Field

from lakeworks.core.layout import release_documents, release_key
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import ConfigError, LakeNotFound, LostRace
from lakeworks.ledger.document import StoredDocument
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.s3.object_store import ObjectStore, StoredObject, Target

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ADVICE = (
    "is not a release: {problem}. Nothing was changed. An earlier version of the object may be intact; "
    "see docs/releases.md"
)


class Release(StoredDocument):
    """The document. Its entries are those of the ledger; maintenance changes only where their objects are."""

    name: str
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


@dataclass(frozen=True)
class StoredRelease:
    """A release and its object, whose ETag is the condition of the next change."""

    release: Release
    stored: StoredObject


@dataclass(frozen=True)
class ReleaseRegister:
    """The releases of a lake, or of a tenant's share of it."""

    store: ObjectStore

    def create(self, release: Release) -> StoredRelease:
        """Write a new release.

        Raises:
            ConfigError: there is one of this name; it was not changed.
        """
        target = Target(release_key(release.name), if_absent=True)
        try:
            return StoredRelease(release, self.store.put(target, _body(release)))
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
        key = release_key(checked_name(name))
        try:
            body, stored = self.store.get(key)
        except LakeNotFound as error:
            known = ", ".join(self.names()) or "none"
            raise LakeNotFound(f"There is no release `{name}`. Nothing was changed. Releases: {known}.") from error
        return StoredRelease(Release.read(body, self.store.uri(key), _ADVICE), stored)

    def replace(self, seen: StoredRelease, release: Release) -> StoredRelease:
        """Replace a release if it has not changed since it was read.

        Raises:
            LostRace: another process did; nothing was written.
        """
        target = Target(release_key(release.name), if_match=seen.stored.etag)
        return StoredRelease(release, self.store.put(target, _body(release)))

    def drop(self, seen: StoredRelease) -> None:
        """Delete a release if it has not changed since it was read.

        Raises:
            LostRace: another process did; it stays.
        """
        self.store.delete_if(seen.stored)

    def names(self) -> list[str]:
        """Return the names of all releases, in order."""
        prefix = release_documents()
        keys = (item.key.removeprefix(prefix) for item in self.store.scan(prefix))
        return [key.removesuffix(".json") for key in keys if key.endswith(".json")]

    def all(self) -> Iterator[StoredRelease]:
        """Yield every release.

        Raises:
            LedgerCorrupt: one does not parse.
        """
        for name in self.names():
            yield self.read(name)


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


def _body(release: Release) -> bytes:
    return release.model_dump_json(exclude_none=True).encode()
