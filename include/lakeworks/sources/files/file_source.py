"""Sources of whole files that others deliver. Name and content identify a file, and landed files are remembered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from lakeworks.sources.protocols import FetchRequest


@dataclass(frozen=True)
class FileFacts:
    """Facts about a file that was downloaded and read to its end. `content` is the digest of its decompressed bytes."""

    url: str
    fetched_at: datetime
    sha256: str
    content: str
    size: int
    rows: int


@dataclass(frozen=True)
class LandedFile:
    """A file of the newest complete fetch. `version` identifies its content at the place of delivery."""

    name: str
    version: str
    content: str
    rows: int


@dataclass(frozen=True)
class CheckedFile:
    """A file on this machine that was read to its end, with its name in landing."""

    name: str
    path: Path
    facts: FileFacts

    @property
    def version(self) -> str:
        """Return the version: the content alone, without time or address, so a file is the same from every place."""
        return f"{self.facts.size} {self.facts.sha256}"


class FileStore(Protocol):
    """Store of landed files."""

    @property
    def files_before(self) -> Mapping[str, LandedFile]:
        """Return the files of the newest complete fetch, by name."""

    def take_file(self, name: str, version: str, bring: Callable[[Path], FileFacts]) -> LandedFile:
        """Land a file unless this version of it is landed; `bring` writes it to a path and checks it."""

    def take_checked(self, files: Sequence[CheckedFile], sent: Callable[[int], None]) -> None:
        """Land files of this machine in parallel; skip landed ones. `sent` is called with the bytes that arrived.

        Raises:
            FileChanged: a file was written meanwhile.
        """

    def adopt_files(self, keys: Mapping[str, str]) -> Sequence[LandedFile]:
        """Take files that lie in landing already, by name and key."""

    def keep_file(self, name: str, why: str) -> None:
        """Keep a file of the newest complete fetch that is no longer delivered."""

    def skip_file(self, name: str, why: str) -> None:
        """Record that a delivered file was not accepted."""


@runtime_checkable
class FileSource(Protocol):
    """A location where others deliver files for a data set and period."""

    def collect_files(self, request: "FetchRequest", landing: FileStore) -> Mapping[str, str]:
        """Land every file of the data set and period. Return facts about the whole fetch.

        Raises:
            NotPublishedYet: nothing was delivered, now or before.
            MalformedSource: a file is broken; the message names file and line.
            DeliveryShrank: a file has far fewer rows than when it was landed before.
        """
