"""Local files that a person named, alone or in a folder, and the reasons for files left out."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from lakeworks.errors import ConfigError

# Endings of files that a program is still writing.
UNFINISHED = (".tmp", ".part", ".crdownload", ".filepart", "~")


@dataclass(frozen=True)
class LocalFile:
    """A file, and the name it has in the lake: for one in a folder, its path below that folder with `__` for `/`."""

    path: Path
    name: str


@dataclass(frozen=True)
class LeftOut:
    """A file that is not taken, and the reason."""

    path: Path
    why: str


@dataclass(frozen=True)
class Selection:
    """Files to take, in the order of their names, and those left out."""

    files: tuple[LocalFile, ...]
    left_out: tuple[LeftOut, ...]

    def only_of(self, source_options: Mapping[str, Any]) -> "Selection":
        """Return it without files that the contract does not take (`files` in its source_options).

        Raises:
            ConfigError: no file is left.
        """
        pattern = str(source_options.get("files", "*"))
        meant = tuple(item for item in self.files if fnmatch(item.name, pattern))
        why = f"is none of the files `{pattern}` of the contract"
        others = tuple(LeftOut(item.path, why) for item in self.files if item not in meant)
        left_out = (*self.left_out, *others)
        if not meant:
            listed = "; ".join(f"`{item.path}` {item.why}" for item in left_out[:5]) or "the folder is empty"
            raise ConfigError(f"There is no file to load: {listed}. Nothing was loaded.")
        return Selection(meant, left_out)

    def with_file(self, file: LocalFile) -> "Selection":
        """Return it with one more file."""
        return Selection((*self.files, file), self.left_out)


def select(paths: Sequence[Path], pattern: str = "*", *, joined_by: str = "__") -> Selection:
    """Find the files: those named, and those below the folders named, however deep.

    Hidden and unfinished files, links and what does not fit `pattern` are left out. In folders every name counts, also a
    folder's: `.git/config` is hidden. `joined_by` replaces the `/` between folders in a name.

    Raises:
        ConfigError: a path is not there, or two files would have one name.
    """
    files: list[LocalFile] = []
    left_out: list[LeftOut] = []
    for path in paths:
        if path.is_symlink() or not path.exists():
            if not path.is_symlink():
                raise ConfigError(f"There is no file or folder `{path}`. Nothing was loaded. Check the name.")
            left_out.append(LeftOut(path, "is a link"))
            continue
        for item, parts in _below(path):
            why = _why_not(item, parts, pattern)
            if why is None:
                files.append(LocalFile(item, joined_by.join(parts)))
            else:
                left_out.append(LeftOut(item, why))
    by_name: dict[str, LocalFile] = {}
    for file in files:
        other = by_name.setdefault(file.name, file)
        if other is not file and other.path.resolve() != file.path.resolve():
            raise ConfigError(
                f"`{other.path}` and `{file.path}` would both be `{file.name}` in the lake, and one would replace the other. "
                "Nothing was loaded. Rename one, or load them one after the other."
            )
    return Selection(tuple(by_name[name] for name in sorted(by_name)), tuple(left_out))


def _below(path: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield each file with its names from the folder on; links are not followed."""
    if not path.is_dir():
        yield path, (path.name,)
        return
    for folder, folders, files in os.walk(path):
        folders.sort()
        for name in sorted([*files, *(item for item in folders if Path(folder, item).is_symlink())]):
            item = Path(folder, name)
            yield item, item.relative_to(path).parts


def _why_not(path: Path, parts: tuple[str, ...], pattern: str) -> str | None:
    if path.is_symlink():
        return "is a link"
    if not path.is_file():
        return "is no regular file"
    if any(part.startswith((".", "_")) for part in parts):
        return "is hidden, or a marker file of another program"
    if path.name.endswith(UNFINISHED):
        return "has the ending of an unfinished file"
    return None if fnmatch(path.name, pattern) else f"is none of the files `{pattern}`"
