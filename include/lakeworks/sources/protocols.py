"""Protocols between sources and the lake: requests to a client, and the store of its responses."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from lakeworks.core.partition import Period
from lakeworks.sources.files.file_source import FileSource
from lakeworks.sources.http.shared_state import MemoryState, SharedState
from lakeworks.sources.response import SourceResponse

if TYPE_CHECKING:
    from lakeworks.formats.raw_batch import RawBatch
    from lakeworks.sources.files.file_drop import Inbox
    from lakeworks.sources.files.stream import StreamWindows


@dataclass(frozen=True)
class Download:
    """A complete, checked file in scratch."""

    path: Path
    url: str
    etag: str | None
    last_modified: str | None
    sha256: str
    size: int
    fetched_at: datetime


@dataclass(frozen=True)
class NotModified:
    """The source still has the file with the given ETag."""

    url: str
    etag: str


@runtime_checkable
class Source(Protocol):
    """A vendor that serves one file per data set and period."""

    def fetch(self, dataset: str, period: Period, *, known_etag: str | None, scratch: Path) -> Download | NotModified:
        """Download a data set's file of one period to `scratch`.

        Raises:
            NotPublishedYet: the vendor has not published the period.
            SourceUnavailable: the vendor did not answer properly after retries.
            SourceRejected: the vendor refuses the request.
            MalformedSource: the vendor keeps sending something else than the file.
        """


@dataclass(frozen=True)
class FetchRequest:
    """One fetch: the data set, the period, and the contract's `source_options`.

    `since` is for sources of changes (`landing: all` in the contract): the end of the latest earlier period that was fetched
    completely. It is read from landing, so retries, lost workers and skipped days do not change it.
    """

    dataset: str
    period: Period
    options: Mapping[str, Any] = field(default_factory=dict)
    since: datetime | None = None


class ResponseStore(Protocol):
    """Store of a fetch's responses."""

    def fetch_once(self, name: str, ask: Callable[[], SourceResponse], **facts: str) -> SourceResponse:
        """Return the landed response of that name. If there is none, call `ask` and land its response.

        `name` ends in the format (`IBM.json`, `page-0001.json`, `listing.csv`), and is the same for the same request at
        every attempt. `facts` describe the request (`symbol="IBM"`), and `parse` gets them with the response.
        """


@runtime_checkable
class RequestSource(Protocol):
    """A vendor that takes many requests per data set and period.

    A client whose responses also depend on the connection (the plan of the key) has an attribute `variant: str`. A fetch
    that began with one variant is not continued with another.
    """

    def collect(self, request: FetchRequest, landing: ResponseStore) -> Mapping[str, str]:
        """Make every request of the data set through `landing.fetch_once`; return facts of the whole fetch (a watermark).

        Raises:
            QuotaExhausted: the vendor takes no more requests for now; the next attempt goes on from there.
            SourceUnavailable, SourceRejected, MalformedSource: see `Source.fetch`.
            ContractError: the contract's source_options are not this data set's.
        """


AnySource = Source | RequestSource | FileSource
Rows = Iterable["Mapping[str, Any] | RawBatch"]
# Turns one landed response into rows: the vendor's fields and values as received, plus the request's facts. Pure.
Parse = Callable[[FetchRequest, SourceResponse], Rows]


@dataclass(frozen=True)
class SourceConnection:
    """A deployment's access to a vendor: its Airflow connection, and the lake's quota and inbox."""

    base_url: str | None = None
    secret: str | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    state: SharedState = field(default_factory=MemoryState)
    inbox: "Inbox | None" = None
    windows: "StreamWindows | None" = None
