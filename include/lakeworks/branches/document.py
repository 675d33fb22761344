"""Documents of dev lakes, kept in the live lake: one for each, created and changed by compare-and-swap."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from lakeworks.core.layout import DEV
from lakeworks.errors import ConfigError, LakeNotFound, LostRace
from lakeworks.ledger.document import StoredDocument
from lakeworks.s3.dev_branch import DevBranch
from lakeworks.s3.object_store import ObjectStore, Target

_FOLDER = f"{DEV}/_lakes/"
_ADVICE = (
    "is not a dev lake's document: {problem}. Nothing was changed. An earlier version of the object may be intact; or remove "
    "the dev lake: lakeworks dev drop"
)


class DevDocument(StoredDocument):
    """One dev lake."""

    name: str
    token: str = Field(description="Part of its prefix that no other dev lake has.")
    tables: tuple[str, ...] = Field((), description="Tables that it builds; empty: those whose code has changed.")
    first: str | None = Field(None, description="First period that it builds.")
    last: str | None = Field(None, description="Last period that it builds.")
    follow: bool = Field(
        default=False,
        description="True if it reads live publications as they come, and not those of its start.",
    )
    pins: str = Field("", description="Name of its pins; another one after each refresh.")
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

    def is_over(self, now: datetime) -> bool:
        """Return True if its life has ended."""
        return now >= self.expires_at


@dataclass(frozen=True)
class StoredDevLake:
    """A dev lake's document and its ETag."""

    document: DevDocument
    etag: str


@dataclass(frozen=True)
class DevRegister:
    """The documents of a lake's dev lakes. `store` is the live lake's."""

    store: ObjectStore

    def create(self, document: DevDocument) -> StoredDevLake:
        """Store a new document.

        Raises:
            ConfigError: there is a dev lake of this name; nothing was changed.
        """
        try:
            stored = self.store.put(Target(_key(document.name), if_absent=True), _body(document))
        except LostRace as error:
            raise ConfigError(
                f"Dev lake `{document.name}` is there already. Nothing was changed. Use it (--dev {document.name}), choose "
                f"another name, or remove it first: lakeworks dev drop {document.name}"
            ) from error
        return StoredDevLake(document, stored.etag)

    def read(self, name: str) -> StoredDevLake:
        """Return a dev lake's document.

        Raises:
            ConfigError: there is no such dev lake.
            LedgerCorrupt: its document does not parse.
        """
        try:
            body, stored = self.store.get(_key(name))
        except LakeNotFound as error:
            there = ", ".join(document.name for document in self.all()) or "none"
            raise ConfigError(
                f"There is no dev lake `{name}`: it was never started here, or it was dropped. Nothing was run. Dev lakes: "
                f"{there}. Start it: lakeworks dev start {name}"
            ) from error
        return StoredDevLake(DevDocument.read(body, self.store.uri(_key(name)), _ADVICE), stored.etag)

    def all(self) -> Iterator[DevDocument]:
        """Yield every dev lake's document, by name."""
        for item in self.store.scan(_FOLDER):
            try:
                body, _ = self.store.get(item.key)
            except LakeNotFound:  # dropped since the listing
                continue
            yield DevDocument.read(body, self.store.uri(item.key), _ADVICE)

    def replace(self, stored: StoredDevLake, document: DevDocument) -> StoredDevLake:
        """Replace a document that no one changed since it was read.

        Raises:
            LostRace: another process changed or removed it; nothing was written.
        """
        target = Target(_key(document.name), if_match=stored.etag)
        return StoredDevLake(document, self.store.put(target, _body(document)).etag)

    def remove(self, name: str) -> None:
        """Remove a document. A dev lake without one is gone for every reader and writer."""
        self.store.delete([_key(name)])


def _key(name: str) -> str:
    return f"{_FOLDER}{name}.json"


def _body(document: DevDocument) -> bytes:
    return document.model_dump_json(indent=1).encode()
