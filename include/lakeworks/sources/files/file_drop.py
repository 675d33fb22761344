"""Files that people drop into `inbox/<data set>/<period>/` of the lake's bucket or of a folder: CSV, JSON(L), Parquet.

`inbox/commerce_events/2017-01-05/till-7.jsonl` is part of the data set `commerce_events` on that day. Every file is read to its
end before it is landed. A broken file stops the fetch with an error that names file and line. The inbox is only read. A file is
identified by name and content: a corrected file is landed again. A file that left the inbox stays part of the period until a
person removes it by command.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from pydantic import Field

from lakeworks.core.file_selection import UNFINISHED
from lakeworks.errors import (
    ConfigError,
    DeliveryShrank,
    LakeError,
    LakeNotFound,
    MalformedSource,
    NotPublishedYet,
)
from lakeworks.formats.compression import plain
from lakeworks.formats.failures import problem
from lakeworks.formats.limits import FILE_BYTES
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.protocols import format_of
from lakeworks.sources import FetchRequest, SourceConnection
from lakeworks.sources.files.file_source import FileFacts, FileStore, LandedFile
from lakeworks.sources.options import Options, read_options

_BLOCK = 1 << 20


@dataclass(frozen=True)
class InboxFile:
    """A file's size in bytes, and a version text that changes with its content."""

    size: int
    version: str


class Inbox(Protocol):
    """A location of dropped files. `lakeworks.landing.inbox` has the one in the lake's bucket."""

    def files(self, folder: str) -> Mapping[str, InboxFile]:
        """Return the files in a folder of the inbox, by name. Names of files in subfolders contain a `/`."""

    def download(self, folder: str, name: str, version: str, path: Path) -> None:
        """Write a file's content to `path`, if it is the content of `version`.

        Raises:
            FileNotFoundError, LakeNotFound: the file no longer exists.
            NotPublishedYet: the file is no longer of that version; raise `changed_meanwhile`.
        """

    def address(self, folder: str, name: str) -> str:
        """Return its address, for lineage and messages."""


class FileOptions(Options, FormatOptions):
    """Options: the file names that belong to the data set, their format, and how far a corrected file may shrink."""

    files: str = "*"
    least_share_of_rows: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Smallest share of the earlier rows that a repeated file may have; a smaller file is refused.",
    )


@dataclass(frozen=True)
class FileDrop:
    """Source of dropped files. A data set is named like its folder in the inbox."""

    inbox: Inbox

    def collect_files(self, request: FetchRequest, landing: FileStore) -> Mapping[str, str]:
        """See `FileSource.collect_files`."""
        folder, options = f"{request.dataset}/{request.period}", read_options(FileOptions, request)
        files = {
            name: (item, why_not_taken(name, options.files)) for name, item in sorted(self.inbox.files(folder).items())
        }
        meant = {name: item for name, (item, why) in files.items() if why is None}
        for name, (_, why) in files.items():
            if why is not None:
                landing.skip_file(name, why)
        before = landing.files_before
        if not meant and not before:
            left = f" It holds only {_named(files)}, which are not taken." if files else ""
            raise NotPublishedYet(
                f"Nothing was dropped in `{self.inbox.address(folder, '')}` (files `{options.files}`).{left} Nothing was "
                "landed; the run looks again later."
            )
        taken: dict[str, LandedFile] = {}
        for name, item in meant.items():
            self._check_size(folder, name, item)
            bring = partial(self._bring, folder, name, item.version, before.get(name), options)
            taken[name] = landing.take_file(name, item.version, bring)
        return {**_shrunk(before, taken), **_removed(before, taken, landing)}

    def _check_size(self, folder: str, name: str, item: InboxFile) -> None:
        if item.size > FILE_BYTES:
            raise MalformedSource(
                f"`{self.inbox.address(folder, name)}` has {item.size} bytes; a dropped file may have {FILE_BYTES}. It was not "
                "landed. Cut it into several files."
            )

    def _bring(
        self, folder: str, name: str, version: str, before: LandedFile | None, options: FileOptions, path: Path
    ) -> FileFacts:
        address = self.inbox.address(folder, name)
        try:
            self.inbox.download(folder, name, version, path)
        except (FileNotFoundError, LakeNotFound) as error:
            raise NotPublishedYet(
                f"`{address}` was deleted during the fetch. It was not landed. Drop it again."
            ) from error
        try:
            rows, content = read_to_end(path, name, options)
        except LakeError:
            raise
        except Exception as error:  # the error names the file, whatever bytes it has
            raise MalformedSource(
                f"`{address}` cannot be read: {problem(error)}. It was not landed; files before it are landed. "
                "Correct it and drop it again under the same name."
            ) from error
        if before is not None and rows < before.rows * options.least_share_of_rows:
            raise DeliveryShrank(
                f"`{address}` has {rows} rows; the file landed earlier under this name had {before.rows}. It was not "
                "landed; the earlier file remains valid. Drop the complete file again. If the smaller file is right, "
                f"first run `lakeworks forget` for the table, the period and `{name}`, then the fetch again. The "
                "contract sets the limit: `least_share_of_rows` in source_options."
            )
        sha256 = digest(path, None)
        return FileFacts(address, datetime.now(UTC), sha256, content or sha256, path.stat().st_size, rows)


def connect(access: SourceConnection) -> FileDrop:
    """Return the client: for the folder in the connection `file_drop` (`file:///...`), else for the lake's own inbox."""
    from lakeworks.sources.files.local_inbox import LocalInbox

    if access.base_url:
        parts = urlsplit(access.base_url)
        if parts.scheme != "file" or not parts.path:
            raise ConfigError(
                f"The host of the Airflow connection `file_drop` is `{access.base_url}`. Nothing was fetched. Name a "
                "folder, file:///path/to/inbox. Without the connection, `inbox/` of the lake's bucket is used."
            )
        return FileDrop(LocalInbox(Path(unquote(parts.path))))
    if access.inbox is None:
        raise ConfigError(
            "file_drop has no inbox. Nothing was fetched. Give it a lake's inbox, or a folder as file:///path."
        )
    return FileDrop(access.inbox)


def changed_meanwhile(address: str) -> NotPublishedYet:
    """Return the error for a file that was replaced after the inbox was listed.

    Landed under the version of the listing, the file of that version would never be landed if it came back.
    """
    return NotPublishedYet(f"`{address}` changed while it was fetched. It was not landed; the run looks again later.")


def why_not_taken(name: str, pattern: str = "*") -> str | None:
    """Return why a file is not taken; None for one that is."""
    if "/" in name:
        return "is in a folder below the period's folder"
    if name.startswith((".", "_")):
        return "is hidden, or a marker file of another program"
    if name.endswith(UNFINISHED):
        return "has the ending of an unfinished file"
    return None if fnmatch(name, pattern) else f"is none of the files `{pattern}` of the contract"


def read_to_end(path: Path, name: str, options: FormatOptions) -> tuple[int, str | None]:
    """Return a file's row count, and the digest of its decompressed bytes if it is compressed."""
    kind = format_of(name, options)
    with path.open("rb") as file:
        rows = sum(batch.rows for batch in kind.read(file, options))
    return rows, digest(path, kind.compression) if kind.compression else None


def digest(path: Path, compression: str | None) -> str:
    """Return the SHA-256 of a file's decompressed bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        stream = plain(file, compression)
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _removed(before: Mapping[str, LandedFile], taken: Mapping[str, LandedFile], landing: FileStore) -> dict[str, str]:
    """Keep the files that left the inbox, except those that came back under another name."""
    renamed = {item.content: name for name, item in taken.items() if name not in before}
    kept = []
    for name, item in before.items():
        if name in taken:
            continue
        if item.content in renamed:
            landing.skip_file(name, f"is the same file as `{renamed[item.content]}`, which was dropped later")
        else:
            landing.keep_file(name, "left the inbox; its rows stay until `lakeworks forget`")
            kept.append(name)
    return {"kept": _named(kept)} if kept else {}


def _shrunk(before: Mapping[str, LandedFile], taken: Mapping[str, LandedFile]) -> dict[str, str]:
    fewer = [
        f"{name}: {before[name].rows} to {item.rows} rows"
        for name, item in taken.items()
        if name in before and item.rows < before[name].rows
    ]
    return {"shrunk": "; ".join(fewer)} if fewer else {}


def _named(names: "Mapping[str, object] | list[str]") -> str:
    listed = list(names)
    return ", ".join(f"`{name}`" for name in listed[:10]) + (
        f" and {len(listed) - 10} more" if len(listed) > 10 else ""
    )
