"""A day on which an upstream table was run and found nothing, such as a weekend of the exchange, builds on."""

from datetime import date, datetime
from pathlib import Path

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import LakeNotFound
from lakeworks.pipeline.inputs import found_nothing
from tests.lakeworks.pipeline.test_categories import Market

BARS, RETURNS = "silver.market.daily_bars", "gold.market.daily_returns"
SATURDAY, MONDAY = "2026-11-14", "2026-11-16"
FETCHED = datetime(2026, 11, 17)


def bar(day: date) -> dict[str, object]:
    prices = dict.fromkeys(("open_usd", "high_usd", "low_usd", "close_usd"), 10)
    return {
        "session_date": day, "symbol": "IBM", "asset_class": "equity", "session_number": 1, **prices, "volume": 1,
        "vendor": "alpha_vantage", "vendor_rank": 1, "observed_until_at": FETCHED, "_ingested_at": FETCHED,
    }  # fmt: skip


def test_the_first_day_of_a_lake_may_be_one_without_a_session(tmp_path: Path) -> None:
    market = Market(tmp_path)
    with pytest.raises(LakeNotFound, match="has nothing published for it"):
        market.build(RETURNS, SATURDAY)
    market.give(BARS, SATURDAY, [])
    assert market.build(RETURNS, SATURDAY).partitions == ()
    market.give(BARS, MONDAY, [bar(date(2026, 11, 16))])
    assert market.build(RETURNS, MONDAY).balance.staged == 1


def test_a_day_whose_rows_were_withdrawn_does_not_read_as_empty(tmp_path: Path) -> None:
    market = Market(tmp_path)
    market.give(BARS, MONDAY, [bar(date(2026, 11, 16))])
    # What a withdrawal leaves: the record of a run that had rows, and nothing live.
    assert not found_nothing(market.lake, load_contract(BARS), Period.parse(MONDAY))
