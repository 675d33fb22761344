"""Members of the S&P 500: one CSV file, kept up to date by the datahub from Wikipedia's list (CC BY-SA).

https://github.com/datasets/s-and-p-500-companies - a static file with an ETag; symbols use dots (BRK.B).
"""

from dataclasses import dataclass
from pathlib import Path

from lakeworks.core.partition import Period
from lakeworks.errors import SourceRejected
from lakeworks.sources import Download, NotModified, SourceConnection
from lakeworks.sources.http.client import HttpDownload, HttpSource, rejected
from lakeworks.sources.http.limits import Limiter
from lakeworks.sources.http.static_file import fetch_if_changed
from lakeworks.sources.options import no_data_set

BASE_URL = "https://raw.githubusercontent.com"
PATH = "datasets/s-and-p-500-companies/main/data/constituents.csv"
_FIRST_COLUMNS = "Symbol,Security,GICS Sector"


@dataclass(frozen=True)
class Sp500:
    """Data set `constituents`: the members today, whatever the period."""

    http: HttpSource

    def fetch(self, dataset: str, period: Period, *, known_etag: str | None, scratch: Path) -> Download | NotModified:
        """Bring the file to `scratch`; see `Source.fetch`."""
        if dataset != "constituents":
            raise no_data_set("sp500", dataset, ("constituents",))
        target = scratch / "constituents.csv"
        return fetch_if_changed(self.http, PATH, target, known_etag=known_etag, check=_problem, refusal=_refusal)


def connect(access: SourceConnection) -> Sp500:
    """Return the client. It needs no key."""
    return Sp500(HttpSource(access.base_url or BASE_URL, limiter=Limiter("sp500", state=access.state)))


def _refusal(fetched: HttpDownload) -> SourceRejected:
    return rejected(fetched, "Check the host of the Airflow connection `sp500`.")


def _problem(path: Path) -> str | None:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        head = file.readline()
    return None if head.startswith(_FIRST_COLUMNS) else f"the body is not the list; it begins with {head[:80]!r}"
