"""Documents of the lake that have a name: one object each, created, changed and removed by compare-and-swap."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from lakeworks.errors import LakeNotFound, LedgerCorrupt, NewerFormat
from lakeworks.ledger.document import StoredDocument
from lakeworks.s3.object_store import ObjectStore, StoredObject, Target

_SUFFIX = ".json"


class NamedDocument(StoredDocument):
    """A stored document with a name."""

    name: str


Named = TypeVar("Named", bound=NamedDocument)


@dataclass(frozen=True)
class SeenDocument(Generic[Named]):
    """A document and its object, whose ETag is the condition of the next change."""

    document: Named
    stored: StoredObject


@dataclass(frozen=True)
class NamedDocuments(Generic[Named]):
    """The documents of one kind: `<folder><name>.json`. `advice` says what an unreadable one is not, and the next step."""

    store: ObjectStore
    folder: str
    kind: type[Named]
    advice: str

    def create(self, document: Named) -> SeenDocument[Named]:
        """Write a new document.

        Raises:
            LostRace: there is one of this name; it was not changed.
        """
        return self._put(Target(self._key(document.name), if_absent=True), document)

    def read(self, name: str) -> SeenDocument[Named]:
        """Return a document.

        Raises:
            LakeNotFound: there is none of this name.
            LedgerCorrupt: it does not parse.
        """
        body, stored = self.store.get(self._key(name))
        return SeenDocument(self.kind.read(body, self.store.uri(stored.key), self.advice), stored)

    def replace(self, seen: SeenDocument[Named], document: Named) -> SeenDocument[Named]:
        """Replace a document that did not change since it was read.

        Raises:
            LostRace: another process changed or removed it; nothing was written.
        """
        return self._put(Target(self._key(document.name), if_match=seen.stored.etag), document)

    def remove(self, seen: SeenDocument[Named]) -> None:
        """Remove a document that did not change since it was read.

        Raises:
            LostRace: another process changed or removed it.
        """
        self.store.delete_if(seen.stored)

    def remove_unreadable(self, name: str) -> None:
        """Remove a document only if it does not parse; on a versioned bucket its version stays.

        Raises:
            NewerFormat: a newer release can read it; it was not removed.
            LostRace: another process changed it, or it parses.
        """
        body, stored = self.store.get(self._key(name))
        try:
            self.kind.read(body, self.store.uri(stored.key), self.advice)
        except NewerFormat:
            raise
        except LedgerCorrupt:
            self.store.delete_if(stored)

    def names(self) -> list[str]:
        """Return the names of all documents, in order."""
        keys = (item.key.removeprefix(self.folder) for item in self.store.scan(self.folder))
        return [key.removesuffix(_SUFFIX) for key in keys if key.endswith(_SUFFIX)]

    def all(self, unreadable: Callable[[str, LedgerCorrupt], None] | None = None) -> Iterator[SeenDocument[Named]]:
        """Yield every document, by name. `unreadable` gets the name and error of one that does not parse.

        Raises:
            LedgerCorrupt: one does not parse, and there is no `unreadable`.
        """
        for name in self.names():
            try:
                yield self.read(name)
            except LakeNotFound:  # removed since the listing
                continue
            except LedgerCorrupt as error:
                if unreadable is None:
                    raise
                unreadable(name, error)

    def _put(self, target: Target, document: Named) -> SeenDocument[Named]:
        body = document.model_dump_json(exclude_none=True).encode()
        return SeenDocument(document, self.store.put(target, body))

    def _key(self, name: str) -> str:
        return f"{self.folder}{name}{_SUFFIX}"
