"""Time of the lake page at this repository's tables and at one large table: `python -m benchmarks.lake_page [partitions]`.

Servers run in processes of their own over HTTP. The page is asked in this process: its seconds are those of the server.
"""

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi.testclient import TestClient
from tests.catalog_scale import BUCKET, CONTRACT, servers
from tests.conftest import client

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.contract import all_tables
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.lake import Lake
from lakeworks.s3.listing_timestamps import quick_timestamps
from lakeworks.s3.object_store import ObjectStore
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


def main(count: int) -> None:
    """Fill, measure, stop."""
    with servers(count) as (glue, s3_url, glue_url), TemporaryDirectory() as scratch:
        lake = Lake(
            ObjectStore(quick_timestamps(client("s3", s3_url)), BUCKET),
            GlueCatalog(client("glue", glue_url)),
            DuckDbEngine(scratch=Path(scratch)),
            Path(scratch),
        )
        glue.send(count)
        glue.recv()
        sys.stdout.write("| page | first reading s | its CPU s | page s | bytes |\n|---|---|---|---|---|\n")
        measure(lake, f"overview, {len(all_tables())} tables", "/")
        os.environ["LAKE_PROJECT"] = str(project(Path(scratch)))
        measure(lake, f"table, {count:,} partitions", f"/tables/{CONTRACT.name}")
        measure(lake, "one day of it", f"/tables/{CONTRACT.name}?day=2020-02-05")


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
