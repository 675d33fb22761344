"""Files that somebody drops into `inbox/<data set>/<period>/` of the lake's bucket or of a folder: CSV, JSON(L), Parquet.

`inbox/commerce_events/2017-01-05/till-7.jsonl` is part of the data set `commerce_events` on that day. Every file is read to its
end before it is landed; one that is broken stops the fetch and names file and line. The inbox is only read: what is landed is
the lake's own copy. Hidden files and those that end in `.tmp` or `.part` are still being written and not looked at.
"""

import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from lakeworks.errors import ConfigError, LakeNotFound, MalformedSource, NotPublishedYet
from lakeworks.formats.failures import problem
from lakeworks.formats.protocols import FormatOptions, format_of
from lakeworks.formats.raw_batch import RawBatch
from lakeworks.sources import FetchRequest, ResponseStore, SourceConnection
from lakeworks.sources.options import Options, read_options
from lakeworks.sources.response import SourceResponse

_UNFINISHED = (".tmp", ".part")
# A file is held in memory while it is checked.
LARGEST = 512 << 20


class Inbox(Protocol):
    """Where files are dropped; `lakeworks.landing.inbox` has the one in the lake's bucket."""

    def files(self, folder: str) -> Mapping[str, int]:
        """The names in a folder of the inbox, and their sizes in bytes; empty where there is no such folder."""

    def read(self, folder: str, name: str) -> bytes:
        """A file's content."""

    def address(self, folder: str, name: str) -> str:
        """Where it lies, for lineage and messages."""


class FileOptions(Options):
    """Which files of the period's folder belong to the data set."""

    files: str = "*"


@dataclass(frozen=True)
class LocalInbox:
    """A folder of this machine, or one that is mounted on every worker."""

    root: Path

    def files(self, folder: str) -> Mapping[str, int]:
        """See `Inbox`."""
        place = self.root / folder
        return {path.name: path.stat().st_size for path in place.iterdir() if path.is_file()} if place.is_dir() else {}

    def read(self, folder: str, name: str) -> bytes:
        """See `Inbox`."""
        return (self.root / folder / name).read_bytes()

    def address(self, folder: str, name: str) -> str:
        """See `Inbox`."""
        return (self.root / folder / name).absolute().as_uri()


@dataclass(frozen=True)
class FileDrop:
    """Any data set: its name is the folder in the inbox."""

    inbox: Inbox

    def collect(self, wanted: FetchRequest, landing: ResponseStore) -> Mapping[str, str]:
        """See `RequestSource.collect`.

        Raises:
            NotPublishedYet: no file was dropped for the period.
            MalformedSource: a file is broken, of an unknown format or too large; names file and line.
        """
        folder, pattern = f"{wanted.dataset}/{wanted.period}", read_options(FileOptions, wanted).files
        files = {name: size for name, size in sorted(self.inbox.files(folder).items()) if _is_meant(name, pattern)}
        if not files:
            raise NotPublishedYet(
                f"Nothing was dropped in `{self.inbox.address(folder, '')}` (files `{pattern}`). Nothing was landed; the run "
                "looks again later."
            )
        for name, size in files.items():
            if size > LARGEST:
                raise MalformedSource(
                    f"`{self.inbox.address(folder, name)}` has {size} bytes; a dropped file may have {LARGEST}. It was not "
                    "landed. Cut it into several files."
                )
            plain = name.removesuffix(".gz")
            landing.fetch_once(plain, partial(self._file, folder, name), file=plain)
        return {}

    def _file(self, folder: str, name: str) -> SourceResponse:
        address = self.inbox.address(folder, name)
        try:
            body = self.inbox.read(folder, name)
        except (FileNotFoundError, LakeNotFound) as error:
            raise NotPublishedYet(
                f"`{address}` went away while it was fetched. It was not landed. Drop it again."
            ) from error
        try:
            body = gzip.decompress(body) if name.endswith(".gz") else body
        except (OSError, EOFError, zlib.error) as error:
            raise MalformedSource(
                f"`{address}` is no gzip file ({error}). It was not landed. Drop it again, whole."
            ) from error
        answer = SourceResponse(body, address, 200, {}, datetime.now(UTC), {"file": name.removesuffix(".gz")})
        try:
            for _ in _batches(answer):
                pass
        except Exception as error:  # whatever bytes a stranger drops, the error names the file
            raise MalformedSource(
                f"`{address}` is broken: {problem(error)}. It was not landed, files before it were. Drop it again, "
                "corrected, under the same name."
            ) from error
        return answer


def connect(access: SourceConnection) -> FileDrop:
    """The client of a deployment: the folder the connection `file_drop` names (`file:///...`), else the lake's own inbox."""
    if access.base_url:
        parts = urlsplit(access.base_url)
        if parts.scheme != "file" or not parts.path:
            raise ConfigError(
                f"The host of the Airflow connection `file_drop` is `{access.base_url}`. Nothing was fetched. Name a folder, "
                "file:///path/to/inbox, or leave out the connection to use `inbox/` of the lake's bucket."
            )
        return FileDrop(LocalInbox(Path(unquote(parts.path))))
    if access.inbox is None:
        raise ConfigError("file_drop has no inbox: give it a lake's, or a folder as file:///path. Nothing was fetched.")
    return FileDrop(access.inbox)


def parse(_: FetchRequest, answer: SourceResponse) -> Iterator[RawBatch]:
    """Return the file's rows; the contract says what their values are."""
    return _batches(answer)


def _is_meant(name: str, pattern: str) -> bool:
    return not name.startswith(".") and not name.endswith(_UNFINISHED) and fnmatch(name, pattern)


def _batches(answer: SourceResponse) -> Iterator[RawBatch]:
    """Read the file; its format follows from its name.

    Raises:
        ValueError: it is broken, or of no known format.
    """
    yield from format_of(answer.facts["file"]).format.read(io.BytesIO(answer.body), FormatOptions())
