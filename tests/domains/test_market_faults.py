"""What a vendor gets wrong, from its HTTP answer to silver: quarantined with a reason, told, and made good by the next fetch."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import QuarantineLimitExceeded
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.sources import open_source
from tests.domains.market_steps import BARS, DAY, access, landed
from tests.lakeworks.sources.vendor_lake import Vendor
from tests.support.memory_s3 import memory_lake

CALENDAR, SILVER = "reference.market.exchange_calendar", "silver.market.daily_bars"
HOLIDAY = "2013-01-21"  # Martin Luther King Day


def run(number: int) -> Run:
    return Run(id=f"run-{number}", started_at=datetime(2026, 1, 1, number, tzinfo=UTC))


def build(lake: Lake, table: str, day: str, number: int) -> RunRecord:
    staged = write(lake, table, Period.parse(day), run(number))
    return publish(lake, staged.model_copy(update={"audit": {"passed": True}}).save(lake.store).key)


@pytest.fixture
def vendor(replay_url: str) -> Vendor:
    found = Vendor(replay_url, "alpha_vantage")
    found.reset("2013-02-15T22:00:00Z")
    return found


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = memory_lake(tmp_path)
    contract = load_contract(CALENDAR)
    short = contract.model_copy(update={"source_options": {**contract.source_options, "first": "2013-01-01"}})
    land(made, short, DAY, run(1), open_source("exchange_calendars"))
    build(made, CALENDAR, str(DAY), 1)
    return made


def fetched(lake: Lake, vendor: Vendor, number: int) -> RunRecord:
    landed(lake, BARS, DAY, run(number), access(vendor, lake))
    return build(lake, BARS, str(DAY), number)


def balance(lake: Lake, vendor: Vendor, number: int) -> RowBalance:
    """Fetch, and build the day in silver."""
    fetched(lake, vendor, number)
    return build(lake, SILVER, str(DAY), number).balance


def answer(day: str, **prices: str) -> dict[str, Any]:
    bar = {
        "1. open": "10.0",
        "2. high": "10.0",
        "3. low": "10.0",
        "4. close": "10.0",
        "5. adjusted close": "10.0",
        "6. volume": "9",
    }
    events = {"7. dividend amount": "0.0000", "8. split coefficient": "1.0"}
    series = {day: {**bar, **events, **prices}}
    body = json.dumps({"Meta Data": {"3. Last Refreshed": "2013-02-15"}, "Time Series (Daily)": series})
    return {"match": "/query?*symbol=IBM*", "kind": "status", "status": 200, "body": body}


def test_a_field_renamed_mid_history_is_reported_and_comes_back_with_the_next_fetch(lake: Lake, vendor: Vendor) -> None:
    assert balance(lake, vendor, 2).staged == 3
    vendor.fault(match="/query?*symbol=IBM*", kind="rename", column="4. close", to="4. last price")
    assert "`last_price` is new (string)" in fetched(lake, vendor, 3).drift
    renamed = build(lake, SILVER, str(DAY), 3).balance
    assert (renamed.staged, renamed.broken) == (2, {"close_usd_required": 1})
    healed = balance(lake, vendor, 4)
    assert (healed.staged, healed.quarantined, healed.deduplicated) == (3, 0, 0)


def test_a_negative_price_is_quarantined_and_the_others_are_published(lake: Lake, vendor: Vendor) -> None:
    vendor.fault(**answer(str(DAY), **{"3. low": "-10.0"}))
    found = balance(lake, vendor, 2)
    assert (found.staged, found.broken) == (2, {"positive_prices": 1})


def test_a_bar_on_a_holiday_never_reaches_silver_and_is_said(lake: Lake, vendor: Vendor) -> None:
    vendor.fault(**answer(HOLIDAY))
    fetched(lake, vendor, 2)
    with pytest.raises(
        QuarantineLimitExceeded, match=r"on_a_session 1.*Nothing was published.*_quarantine/.*run the partition"
    ):
        write(lake, SILVER, Period.parse(HOLIDAY), run(2))
    fetched(lake, vendor, 3)
    assert build(lake, SILVER, HOLIDAY, 3).balance.staged == 0, (
        "the vendor took it back: a day without a session has no bars"
    )
