"""Time of the lake page at this repository's tables and at one large table: `python -m benchmarks.lake_page [partitions]`.

Servers run in processes of their own over HTTP. The page is asked in this process: its seconds are those of the server.
"""

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi.testclient import TestClient
from tests.catalog_scale import BUCKET, CONTRACT, servers
from tests.conftest import client
from tests.support.many_partitions import BEGAN, Many, entry, many

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.core.layout import run_key
from lakeworks.core.partition import Period, partition_of, period_range
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.s3.listing_pages import quick_listings, quick_timestamps
from lakeworks.s3.object_store import ObjectStore
from lakeworks.status.partition_index import PartitionIndex
from lakeworks_airflow.lake_page.application import page_of
from lakeworks_airflow.lake_page.readings import Readings

YAML = """\
version: 1.0.0
description: Prices by symbol and day.
team: test
grain: [symbol, traded_on]
partition_by: [symbol, day(traded_on)]
columns:
  symbol: {type: string, required: true, description: Ticker.}
  traded_on: {type: date, required: true, description: Day.}
  close: {type: double, description: Closing price.}
  volume: {type: int, description: Shares.}
"""


LAST = datetime(2026, 1, 1, tzinfo=UTC)
# Partitions of a published table: three months of days, as many hours, as many months.
PUBLISHED = 90


def main(count: int) -> None:
    """Fill, measure, stop."""
    sys.stdout.write("| page | first reading s | its CPU s | page s | bytes |\n|---|---|---|---|---|\n")
    with TemporaryDirectory() as scratch, many(Path(scratch)) as found:
        partitions = sum(publish(found, load_contract(name)) for name in all_tables())
        measure(found.lake, f"overview, {len(all_tables())} tables, {partitions:,} published partitions", "/")
    with servers(count) as (glue, s3_url, glue_url), TemporaryDirectory() as scratch:
        lake = Lake(
            ObjectStore(quick_listings(quick_timestamps(client("s3", s3_url))), BUCKET),
            GlueCatalog(client("glue", glue_url)),
            DuckDbEngine(scratch=Path(scratch)),
            Path(scratch),
        )
        glue.send(count)
        glue.recv()
        os.environ["LAKE_PROJECT"] = str(project(Path(scratch)))
        measure(lake, f"table, {count:,} partitions", f"/tables/{CONTRACT.name}")
        measure(lake, "one day of it", f"/tables/{CONTRACT.name}?day=2020-02-05")


def publish(found: Many, contract: Contract) -> int:
    """Publish a table's newest partitions, each by a run of its own after those of its inputs; return their number."""
    grain = contract.time_grain or (contract.date_column and "day")
    periods = list(period_range(Period.containing(LAST - timedelta(days=PUBLISHED * 31), grain or "day"), LAST))[
        -PUBLISHED:
    ]
    index, entries = PartitionIndex(found.lake), []
    for period in periods if grain else periods[-1:]:
        run = Run(id=f"scheduled__{period}", started_at=BEGAN)
        record = RunRecord(
            table=contract.name, period=str(period), run=run, contract_version=contract.version, schema_fingerprint="f",
            balance=RowBalance(read=10, staged=10), partitions=(),
        )  # fmt: skip
        found.backend.put_object(
            found.lake.store.bucket, run_key(contract.table, period, run.key), record.model_dump_json().encode()
        )
        values = {name: period.start.replace(tzinfo=None) for name in contract.columns}
        values |= {name: "a" if name != contract.date_column else str(period) for name in contract.identity_columns}
        partition = partition_of(contract.partition_by, values, period)
        inputs = index.fingerprint(contract, period)
        entries.append(entry(contract, partition, run=run, period=str(period), inputs=inputs))
    found.publish(contract, entries)
    return len(entries)


def project(root: Path) -> Path:
    """A project of the one large table."""
    folder = root / "project/include/lake/tables" / CONTRACT.table.path
    folder.mkdir(parents=True)
    (folder / "contract.yml").write_text(YAML)
    (root / "project/lake.yml").write_text("")
    return root / "project"


def measure(lake: Lake, name: str, path: str) -> None:
    """One line: the first reading as a page waits for it, then the median of five pages from it."""
    page = TestClient(page_of(lambda: lake, lambda: None, lambda _: ((), ""), Readings(keep=3600, patience=3600)))
    began, used = time.monotonic(), time.process_time()
    page.get(path).raise_for_status()
    first, used = time.monotonic() - began, time.process_time() - used
    seconds, size = [], 0
    for _ in range(5):
        began = time.monotonic()
        size = len(page.get(path).raise_for_status().content)
        seconds.append(time.monotonic() - began)
    sys.stdout.write(f"| {name} | {first:.1f} | {used:.1f} | {sorted(seconds)[2]:.3f} | {size:,} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 100_000)
