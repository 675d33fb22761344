"""Documents of dev lakes, kept in the live lake: one for each, created and changed by compare-and-swap."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from lakeworks.core.layout import DEV
from lakeworks.errors import ConfigError, LakeNotFound, LedgerCorrupt, LostRace
from lakeworks.ledger.named_documents import NamedDocument, NamedDocuments, SeenDocument
from lakeworks.s3.dev_branch import DevBranch
from lakeworks.s3.object_store import ObjectStore

_FOLDER = f"{DEV}/_lakes/"
_ADVICE = (
    "is not a dev lake's document: {problem}. Nothing was changed. An earlier version of the object may be intact; or remove "
    "the dev lake: lakeworks dev drop"
)


class DevDocument(NamedDocument):
    """One dev lake."""

    token: str = Field(description="Part of its prefix that no other dev lake has.")
    tables: tuple[str, ...] = Field((), description="Tables that it builds; empty: those whose code has changed.")
    first: str | None = Field(None, description="First period that it builds.")
    last: str | None = Field(None, description="Last period that it builds.")
    follow: bool = Field(
        default=False,
        description="True if it reads live publications as they come, and not those of its start.",
    )
    pins: str = Field("", description="Name of its pins; another one after each refresh.")
    pinned_at: datetime | None = Field(None, description="Time of the last refresh; none before the first.")
    created_by: str = ""
    created_at: datetime
    expires_at: datetime = Field(description="Time after which it is refused, and removed by garbage collection.")
    promotion: str = Field("", description="Run that began to promote it and has not ended.")
    promotion_began: datetime | None = None
    promoted_at: datetime | None = Field(None, description="Time of the last whole promotion.")

    @property
    def branch(self) -> DevBranch:
        """The keys and databases of the dev lake."""
        return DevBranch(self.name, self.token)

    @property
    def reads_since(self) -> datetime:
        """The moment at which what it reads was live: of its last refresh, else of its start."""
        return self.pinned_at or self.created_at

    def is_over(self, now: datetime) -> bool:
        """Return True if its life has ended."""
        return now >= self.expires_at


StoredDevLake = SeenDocument[DevDocument]


@dataclass(frozen=True)
class DevRegister:
    """The documents of a lake's dev lakes. `store` is the live lake's."""

    store: ObjectStore

    @property
    def documents(self) -> NamedDocuments[DevDocument]:
        """The documents as they are stored."""
        return NamedDocuments(self.store, _FOLDER, DevDocument, _ADVICE)

    def create(self, document: DevDocument) -> StoredDevLake:
        """Store a new document.

        Raises:
            ConfigError: there is a dev lake of this name; nothing was changed.
        """
        try:
            return self.documents.create(document)
        except LostRace as error:
            raise ConfigError(
                f"Dev lake `{document.name}` is there already. Nothing was changed. Use it (--dev {document.name}), choose "
                f"another name, or remove it first: lakeworks dev drop {document.name}"
            ) from error

    def read(self, name: str) -> StoredDevLake:
        """Return a dev lake's document.

        Raises:
            ConfigError: there is no such dev lake.
            LedgerCorrupt: its document does not parse.
        """
        try:
            return self.documents.read(name)
        except LakeNotFound as error:
            there = ", ".join(self.documents.names()) or "none"
            raise ConfigError(
                f"There is no dev lake `{name}`: it was never started here, or it was dropped. Nothing was run. Dev lakes: "
                f"{there}. Start it: lakeworks dev start {name}"
            ) from error

    def all(self, unreadable: Callable[[str, LedgerCorrupt], None] | None = None) -> Iterator[DevDocument]:
        """Yield every dev lake's document, by name. `unreadable` gets the name and error of one that does not parse.

        Raises:
            LedgerCorrupt: one does not parse, and there is no `unreadable`.
        """
        return (seen.document for seen in self.documents.all(unreadable))

    def replace(self, stored: StoredDevLake, document: DevDocument) -> StoredDevLake:
        """Replace a document that no one changed since it was read.

        Raises:
            LostRace: another process changed or removed it; nothing was written.
        """
        return self.documents.replace(stored, document)

    def remove(self, stored: StoredDevLake) -> None:
        """Remove a document. A dev lake without one is gone for every reader and writer.

        Raises:
            LostRace: another process changed or removed it.
        """
        self.documents.remove(stored)
