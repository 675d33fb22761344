"""NYC Taxi & Limousine Commission trip records: monthly Parquet files and the zone lookup, on a public CDN.

https://www.nyc.gov/site/tlc/about/tlc-trip-record-data.page - no key, static files with ETag, published about two months
late. The CDN answers HTTP 403, not 404, for an unpublished month. Files are sometimes republished.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lakeworks.core.partition import Period
from lakeworks.errors import LakeError, NotPublishedYet, PartitionKeyError
from lakeworks.sources import Download, NotModified, SourceConnection
from lakeworks.sources.http.client import HttpDownload, HttpSource, rejected
from lakeworks.sources.http.limits import Limiter
from lakeworks.sources.http.static_file import fetch_if_changed
from lakeworks.sources.options import no_data_set

BASE_URL = "https://d37ci6vzurychx.cloudfront.net"
_NOT_THERE = "<Code>AccessDenied</Code>"
_ZONES_HEADER = '"LocationID","Borough","Zone","service_zone"'


@dataclass(frozen=True)
class NycTlc:
    """Data sets `yellow_trips` (a file a month) and `zones` (one file, whatever the period)."""

    http: HttpSource

    @classmethod
    def at(cls, base_url: str | None = None) -> "NycTlc":
        """Make a client of the public CDN, or of another address with the same interface."""
        return cls(HttpSource(base_url or BASE_URL))

    def fetch(self, dataset: str, period: Period, *, known_etag: str | None, scratch: Path) -> Download | NotModified:
        """Bring one file to `scratch`; see `Source.fetch`."""
        path = _path(dataset, period)
        check = _csv_problem if path.endswith(".csv") else _parquet_problem
        target = scratch / Path(path).name
        refusal = partial(_refusal, dataset, period)
        return fetch_if_changed(self.http, path, target, known_etag=known_etag, check=check, refusal=refusal)


def connect(access: SourceConnection) -> NycTlc:
    """Return the client. The CDN needs no key and documents no limit."""
    return NycTlc(HttpSource(access.base_url or BASE_URL, limiter=Limiter("nyc_tlc", state=access.state)))


def _refusal(dataset: str, period: Period, fetched: HttpDownload) -> LakeError:
    # Only the CDN's own refusal means "not published": a firewall's page is a 403 too.
    if fetched.status == 403 and _NOT_THERE in fetched.error_body and dataset != "zones":
        return NotPublishedYet(
            f"TLC has not published {dataset} of {period} yet (`{fetched.url}` answers 403). Nothing was landed. "
            "Months appear about two months late. The run tries again later."
        )
    return rejected(fetched, "Check the host of the Airflow connection `nyc_tlc`.")


def _path(dataset: str, period: Period) -> str:
    if dataset == "zones":
        return "misc/taxi_zone_lookup.csv"
    kind = dataset.removesuffix("_trips")
    if kind not in ("yellow", "green", "fhv", "fhvhv") or kind == dataset:
        raise no_data_set(
            "nyc_tlc",
            dataset,
            (
                "zones",
                "yellow_trips",
                "green_trips",
                "fhv_trips",
            ),
        )
    if period.grain != "month":
        raise PartitionKeyError(
            f"nyc_tlc.{dataset} has files of a month; `{period}` is a {period.grain}. Nothing was landed. Run a "
            f"month, like {period.start:%Y-%m}."
        )
    return f"trip-data/{kind}_tripdata_{period}.parquet"


def _parquet_problem(path: Path) -> str | None:
    """Return the fault of a Parquet file, or None. A whole file begins and ends with `PAR1` and has a readable footer."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with path.open("rb") as file:
        head = file.read(80)
    if not head.startswith(b"PAR1"):
        return f"the body is no Parquet file; it begins with {_quoted(head)}"
    try:
        pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError) as error:
        return f"the Parquet file is cut off or damaged ({str(error).splitlines()[0]})"
    return None


def _csv_problem(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.readline(200)
    text = head.decode(errors="replace").strip().removeprefix("\ufeff")
    return None if text == _ZONES_HEADER else f"the body is not the zone lookup; it begins with {_quoted(head)}"


def _quoted(head: bytes) -> str:
    return repr(head[:80].decode(errors="replace"))
