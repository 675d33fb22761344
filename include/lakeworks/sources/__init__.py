"""Source clients: they fetch raw bytes to a scratch file and say where these came from; they never touch the lake."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from lakeworks.errors import ContractError
from lakeworks.partition import Period


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
    """The source still has the file whose ETag was named."""

    url: str
    etag: str


class Source(Protocol):
    """One vendor."""

    def fetch(self, dataset: str, period: Period, *, known_etag: str | None, scratch: Path) -> Download | NotModified:
        """Bring a data set's file of one period to `scratch`.

        Raises:
            NotPublishedYet: the vendor has not published the period.
            SourceUnavailable: the vendor did not answer properly after retries.
            SourceRejected: the vendor refuses the request.
            MalformedSource: the vendor keeps answering something else than the file.
        """


def _nyc_tlc(base_url: str | None) -> Source:
    from lakeworks.sources.nyc_tlc import NycTlc

    return NycTlc.at(base_url)


# One line a vendor; the name is the part before the dot of a contract's `source`, and its Airflow connection's id.
SOURCES: dict[str, Callable[[str | None], Source]] = {"nyc_tlc": _nyc_tlc}


def open_source(name: str, base_url: str | None = None) -> Source:
    """The client of a vendor, at its own address unless another is given.

    Raises:
        ContractError: there is no such vendor.
    """
    if name not in SOURCES:
        raise ContractError(f"There is no source `{name}`. Known: {', '.join(SOURCES)}. Add it in lakeworks/sources.")
    return SOURCES[name](base_url)
