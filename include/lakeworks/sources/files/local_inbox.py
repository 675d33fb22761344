"""An inbox in a folder of this machine, or in a folder mounted on every worker."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lakeworks.errors import NotPublishedYet
from lakeworks.sources.files.file_drop import InboxFile


@dataclass(frozen=True)
class LocalInbox:
    """Implements `lakeworks.sources.files.file_drop.Inbox`."""

    root: Path

    def files(self, folder: str) -> Mapping[str, InboxFile]:
        """See `Inbox`."""
        place = self.root / folder
        found = [path for path in place.rglob("*") if path.is_file()] if place.is_dir() else []
        return {path.relative_to(place).as_posix(): _seen(path) for path in found}

    def download(self, folder: str, name: str, path: Path) -> None:
        """See `Inbox`."""
        source = self.root / folder / name
        before = _seen(source)
        shutil.copyfile(source, path)
        if _seen(source) != before:
            raise NotPublishedYet(
                f"`{self.address(folder, name)}` changed while it was read. It was not landed; it is read again later."
            )

    def address(self, folder: str, name: str) -> str:
        """See `Inbox`."""
        return (self.root / folder / name).absolute().as_uri()


def _seen(path: Path) -> InboxFile:
    """Return a file's size and version; every write changes one of its times."""
    found = path.stat()
    return InboxFile(found.st_size, f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}")
