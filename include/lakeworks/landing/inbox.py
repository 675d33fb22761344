"""The lake's own inbox: the prefix `inbox/` of its bucket, where others may drop files and nothing of the lake lies."""

from collections.abc import Mapping
from dataclasses import dataclass

from lakeworks.core.layout import INBOX
from lakeworks.s3.object_store import ObjectStore


@dataclass(frozen=True)
class LakeInbox:
    """Implements `lakeworks.sources.file_drop.Inbox`."""

    store: ObjectStore

    def files(self, folder: str) -> Mapping[str, int]:
        """The names below a folder, and their sizes; objects of folders below it are not meant."""
        prefix = f"{INBOX}/{folder}/"
        found = {item.key.removeprefix(prefix): item.size for item in self.store.scan(prefix)}
        return {name: size for name, size in found.items() if name and "/" not in name}

    def read(self, folder: str, name: str) -> bytes:
        """A file's content."""
        return self.store.get(f"{INBOX}/{folder}/{name}")[0]

    def address(self, folder: str, name: str) -> str:
        """Where it lies."""
        return self.store.uri(f"{INBOX}/{folder}/{name}")
