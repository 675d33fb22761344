"""The lake as a source: after the end of a month, its bill is calculated from the bucket and landed like a vendor's file."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from lakeworks.core.clock import utc_now
from lakeworks.core.partition import Period
from lakeworks.cost import report as costs
from lakeworks.cost.bill import BillingPeriod, BillLine
from lakeworks.errors import NotPublishedYet, SourceRejected
from lakeworks.lake import Lake
from lakeworks.parquet.encoder import sha256_of
from lakeworks.sources import Download, NotModified

# A listing has the current objects. Soon after a month's end these are nearly the month's objects; later they are not.
LATEST = timedelta(days=10)
_CENTS = Decimal("0.000001")
_MONEY = ("storage_usd", "monitoring_usd", "requests_usd", "transitions_usd", "retrieval_usd")


@dataclass(frozen=True)
class Stocktaking:
    """A `Source` whose data set `storage_costs` is the bill of a month; `ask` says where prices, inventory and logs are."""

    lake: Lake
    ask: costs.ReportRequest
    clock: Callable[[], datetime] = utc_now

    def fetch(self, dataset: str, period: Period, *, known_etag: str | None, scratch: Path) -> Download | NotModified:
        """Write the month's bill to `scratch`.

        Raises:
            NotPublishedYet: the month is not over.
            SourceRejected: it ended too long ago for a listing, and no inventory was named.
            ConfigError: a price is missing.
        """
        now, month = self.clock(), BillingPeriod.month(period.start.year, period.start.month)
        if now < month.end:
            raise NotPublishedYet(
                f"{period} is not over: its bill can be calculated from {month.end:%Y-%m-%d} on. Nothing was landed."
            )
        if now > month.end + LATEST and self.ask.inventory is None:
            raise SourceRejected(
                f"{period} ended more than {LATEST.days} days ago, and the bucket has changed since. Nothing was "
                "landed. Name an S3 Inventory of that time (`inventory` of StorageCostOperator)."
            )
        lines = costs.bill(self.lake, replace(self.ask, window=month))
        path = scratch / f"storage_costs_{period}.parquet"
        _write([_row(line, month.start, now, self.ask) for line in lines], path)
        return Download(
            path=path, url=self.lake.store.uri(""), etag=None, last_modified=None,
            sha256=sha256_of(path), size=path.stat().st_size, fetched_at=now,
        )  # fmt: skip


def _row(line: BillLine, month: datetime, now: datetime, ask: costs.ReportRequest) -> dict[str, Any]:
    return {
        "month_start": month.date(),
        "tenant": line.tenant or "-",
        "layer": line.layer or "-",
        "domain": line.domain or "-",
        "table_name": line.table or "-",
        "storage_class": line.storage_class,
        "object_count": line.objects,
        "stored_bytes": line.bytes,
        "old_version_bytes": line.old_version_bytes,
        **{name: Decimal(getattr(line, name)).quantize(_CENTS) for name in _MONEY},
        "monitoring_usd": Decimal(line.monitoring_usd + line.tags_usd).quantize(_CENTS),
        "prices_as_of": ask.book.as_of,
        "taken_at": now.replace(tzinfo=None),
    }


def _write(rows: list[dict[str, Any]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = ("tenant", "layer", "domain", "table_name", "storage_class")
    counts = ("object_count", "stored_bytes", "old_version_bytes")
    fields = [
        pa.field("month_start", pa.date32()),
        *(pa.field(name, pa.string()) for name in texts),
        *(pa.field(name, pa.int64()) for name in counts),
        *(pa.field(name, pa.decimal128(18, 6)) for name in _MONEY),
        pa.field("prices_as_of", pa.date32()),
        pa.field("taken_at", pa.timestamp("us")),
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(fields)), path)
