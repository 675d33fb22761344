"""Sources of whole files that others deliver: a file is its name and its content, and what is landed stays known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from lakeworks.sources.protocols import FetchRequest


@dataclass(frozen=True)
class FileFacts:
    """Facts of a file that was brought and read to its end. `content` is the digest of its plain bytes."""

    url: str
    fetched_at: datetime
    sha256: str
    content: str
    size: int
    rows: int


@dataclass(frozen=True)
class LandedFile:
    """A file of the newest complete fetch; `version` tells its content apart in the place it was delivered to."""

    name: str
    version: str
    content: str
    rows: int


@dataclass(frozen=True)
class CheckedFile:
    """A file on this machine that was read to its end, under the name it is landed by."""

    name: str
    path: Path
    facts: FileFacts

    @property
    def version(self) -> str:
        """Its content: no clock and no address is part of it, so that the same file is the same from everywhere."""
        return f"{self.facts.size} {self.facts.sha256}"


class FileStore(Protocol):
    """Landing of delivered files."""

    @property
    def files_before(self) -> Mapping[str, LandedFile]:
        """The files of the newest complete fetch, by name."""

    def take_file(self, name: str, version: str, bring: Callable[[Path], FileFacts]) -> LandedFile:
        """Land a file unless this version of it is landed; `bring` writes it to a path and checks it."""

    def take_checked(self, files: Sequence[CheckedFile], sent: Callable[[int], None]) -> None:
        """Land files of this machine, side by side, those excepted that are landed; `sent` hears of bytes that arrived.

        Raises:
            FileChanged: one was written meanwhile.
        """

    def keep_file(self, name: str, why: str) -> None:
        """Keep a file of the newest complete fetch that is delivered no longer."""

    def skip_file(self, name: str, why: str) -> None:
        """Record that a delivered file is not taken."""


@runtime_checkable
class FileSource(Protocol):
    """A place where files are delivered for a data set and period."""

    def collect_files(self, wanted: "FetchRequest", landing: FileStore) -> Mapping[str, str]:
        """Land every file that is meant; returns facts of the whole fetch.

        Raises:
            NotPublishedYet: nothing was delivered, now or before.
            MalformedSource: a file is broken; names file and line.
            DeliveryShrank: a file has far fewer rows than when it was landed before.
        """
