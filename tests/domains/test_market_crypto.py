"""A coin's day becomes hours: one request a coin, one object a day, and no published hour vanishes."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import AuditFailed
from lakeworks.lake import Lake
from lakeworks.landing.quota import LakeState
from lakeworks.ledger.run_record import Run, RunRecord
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.sources import SourceConnection, open_source
from tests.lakeworks.sources.vendor_lake import Vendor
from tests.support.memory_s3 import memory_lake

BRONZE, HOURS = "bronze.market.crypto_bars", "silver.market.crypto_bars"
DAY = Period.parse("2013-03-10")  # clocks change in New York, and do not matter


@pytest.fixture
def vendor(replay_url: str) -> Vendor:
    found = Vendor(replay_url, "coingecko")
    found.reset("2013-03-11T06:00:00Z")
    return found


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return memory_lake(tmp_path)


def hours(lake: Lake, vendor: Vendor, number: int) -> RunRecord:
    """What the DAG does for the day."""
    run = Run(id=f"run-{number}", started_at=datetime(2026, 1, 1, number, tzinfo=UTC))
    source = open_source("coingecko", access=SourceConnection(f"{vendor.url}/api/v3", None, {}, LakeState(lake.store)))
    land(lake, load_contract(BRONZE), DAY, run, source)
    for table in (BRONZE, HOURS):
        made = publish(lake, audit(lake, write(lake, table, DAY, run).key).key)
    return made


def live(lake: Lake) -> list[tuple[str, int]]:
    """Return coin and hour of each live bar, in order."""
    entries = lake.ledger.live_partitions(load_contract(HOURS).table)
    assert [part.path for part in entries] == ["year=2013/month=03/day=10"]
    (item,) = next(iter(entries.values())).objects
    rows = pq.read_table(BytesIO(lake.store.get(item.key)[0]), columns=["symbol", "bar_at"]).to_pylist()
    return sorted((row["symbol"], row["bar_at"].hour) for row in rows)


def without_hour(vendor: Vendor, hour: int) -> dict[str, Any]:
    """Bitcoin's answer as the vendor gives it, less the points of one hour."""
    period = {"vs_currency": "usd", "from": int(DAY.start.timestamp()), "to": int(DAY.end.timestamp()) - 1}
    body = requests.get(f"{vendor.url}/api/v3/coins/bitcoin/market_chart/range", params=period, timeout=5).json()
    first = (DAY.start + timedelta(hours=hour)).timestamp() * 1000
    kept = {
        name: [item for item in points if not first <= item[0] < first + 3_600_000] for name, points in body.items()
    }
    return {"match": "*/coins/bitcoin/*", "kind": "status", "status": 200, "body": json.dumps(kept)}


EVERY_HOUR = [(coin, hour) for coin in ("bitcoin", "ethereum") for hour in range(24)]


def test_a_day_is_two_requests_and_one_object_of_hours(lake: Lake, vendor: Vendor) -> None:
    made = hours(lake, vendor, 1)
    assert made.outcome == {"published": 1}
    assert live(lake) == EVERY_HOUR
    assert len(vendor.seen()) == 2
    assert hours(lake, vendor, 2).outcome == {"unchanged": 1}


def test_a_correction_publishes_the_day_again(lake: Lake, vendor: Vendor) -> None:
    hours(lake, vendor, 1)
    vendor.fault(match="*/coins/bitcoin/*", kind="republished")
    assert hours(lake, vendor, 2).outcome == {"published": 1}
    assert live(lake) == EVERY_HOUR


def test_an_hour_without_points_has_no_bar_until_they_come(lake: Lake, vendor: Vendor) -> None:
    vendor.fault(**without_hour(vendor, 7))
    hours(lake, vendor, 1)
    assert set(EVERY_HOUR) - set(live(lake)) == {("bitcoin", 7)}
    assert hours(lake, vendor, 2).outcome == {"published": 1}
    assert live(lake) == EVERY_HOUR


def test_an_hour_that_vanishes_stops_the_run_and_stays(lake: Lake, vendor: Vendor) -> None:
    hours(lake, vendor, 1)
    vendor.fault(**without_hour(vendor, 7))
    with pytest.raises(AuditFailed, match=r"expect_table_row_count_to_be_between.*47"):
        hours(lake, vendor, 2)
    assert live(lake) == EVERY_HOUR
