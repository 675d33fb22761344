"""Steps of market tables that several tests take: fetch through the replay, stage, read what was staged."""

from typing import Any

import pyarrow.parquet as pq

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.landing.landing_set import LandingSet
from lakeworks.landing.quota import LakeState
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.write_step import write
from lakeworks.sources import SourceConnection, open_source
from tests.lakeworks.sources.vendor_lake import Vendor

DAY = Period.parse("2013-02-15")
BARS = "bronze.market.equity_daily_bars"


def access(vendor: Vendor, lake: Lake, key: str = "PREMIUM012345678", profile: str = "premium") -> SourceConnection:
    return SourceConnection(vendor.url, key, {"profile": profile}, LakeState(lake.store))


def landed(lake: Lake, table: str, period: Period, run: Run, through: SourceConnection) -> LandingSet:
    contract = load_contract(table)
    found = land(lake, contract, period, run, open_source(str(contract.source).partition(".")[0], access=through))
    assert isinstance(found, LandingSet)
    return found


def staged(lake: Lake, table: str, period: Period, run: Run) -> list[dict[str, Any]]:
    manifest = write(lake, table, period, run)
    found: list[dict[str, Any]] = []
    for partition in manifest.partitions:
        for item in partition.objects:
            path = lake.scratch / "staged.parquet"
            lake.store.download(item.key, path)
            found += pq.read_table(path).to_pylist()
    return found
