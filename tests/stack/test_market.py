"""The market DAGs on the real stack: a range of real sessions from the replayed vendors to gold, by the scheduler's hands."""

import pytest

from tests.stack.product import Product

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


def test_a_range_becomes_gold_with_coins_where_they_came(product: Product) -> None:
    product.clock(alpha_vantage="2013-03-01T22:00:00Z", coingecko="2013-03-02T06:00:00Z")
    product.succeeds("market_crypto", partition_key="2013-03-01")
    product.succeeds("market", conf={"from": "2013-02-01", "to": "2013-03-01"})
    summary = product.lakeworks(
        "sql", "SELECT asset_class, count(*) AS n FROM gold_market.market_daily_summary GROUP BY 1 ORDER BY 1"
    )
    assert [(row["asset_class"], int(row["n"])) for row in summary] == [("crypto", 1), ("equity", 20)]
    (value,) = product.lakeworks(
        "sql", "SELECT * FROM gold_market.portfolio_values WHERE session_date = DATE '2013-03-01'"
    )
    # 100 AAPL of 2000-03-01 are 400 since two splits, 150 MSFT are 300; closes 430.47, 202.91 and 27.95
    assert float(value["value_usd"]) == 400 * 430.47 + 40 * 202.91 + 300 * 27.95
    assert (int(value["unknown_split_count"]), int(value["stale_price_count"])) == (0, 0)
