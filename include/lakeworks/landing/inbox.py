"""The lake's own inbox: the prefix `inbox/` of its bucket. Others may drop files there; the lake stores none of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lakeworks.core.layout import INBOX
from lakeworks.s3.object_store import ObjectStore
from lakeworks.sources.files.file_drop import InboxFile, changed_meanwhile


@dataclass(frozen=True)
class LakeInbox:
    """Implements `lakeworks.sources.files.file_drop.Inbox`."""

    store: ObjectStore

    def files(self, folder: str) -> Mapping[str, InboxFile]:
        """See `Inbox`; folder markers of consoles are no files."""
        prefix = f"{INBOX}/{folder}/"
        by_name = {
            item.key.removeprefix(prefix): item for item in self.store.scan(prefix) if not item.key.endswith("/")
        }
        return {name: InboxFile(item.size, _version(item.size, item.etag)) for name, item in by_name.items()}

    def download(self, folder: str, name: str, version: str, path: Path) -> None:
        """See `Inbox`."""
        etag = self.store.download(f"{INBOX}/{folder}/{name}", path)
        if _version(path.stat().st_size, etag) != version:
            raise changed_meanwhile(self.address(folder, name))

    def address(self, folder: str, name: str) -> str:
        """See `Inbox`."""
        return self.store.uri(f"{INBOX}/{folder}/{name}")


def _version(size: int, etag: str) -> str:
    return f"{size} {etag}"
