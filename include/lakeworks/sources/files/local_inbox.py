"""An inbox in a folder of this machine, or in a folder mounted on every worker."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lakeworks.sources.files.file_drop import InboxFile, changed_meanwhile


@dataclass(frozen=True)
class LocalInbox:
    """Implements `lakeworks.sources.files.file_drop.Inbox`."""

    root: Path

    def files(self, folder: str) -> Mapping[str, InboxFile]:
        """See `Inbox`."""
        place = self.root / folder
        files = [path for path in place.rglob("*") if path.is_file()] if place.is_dir() else []
        return {path.relative_to(place).as_posix(): _inbox_file(path) for path in files}

    def download(self, folder: str, name: str, version: str, path: Path) -> None:
        """See `Inbox`."""
        source = self.root / folder / name
        before = _inbox_file(source)
        shutil.copyfile(source, path)
        if not (_inbox_file(source).version == before.version == version):
            raise changed_meanwhile(self.address(folder, name))

    def address(self, folder: str, name: str) -> str:
        """See `Inbox`."""
        return (self.root / folder / name).absolute().as_uri()


def _inbox_file(path: Path) -> InboxFile:
    """Return a file's size and version; every write changes one of its times."""
    stat = path.stat()
    return InboxFile(stat.st_size, f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}")
