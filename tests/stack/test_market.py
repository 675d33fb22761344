"""The market DAGs on the real stack: real sessions from the replayed vendors to gold, by Airflow's own backfill."""

import subprocess
import time

import pytest

from tests.stack.product import BIN, Product

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


def backfilled(product: Product) -> dict[str, str]:
    """`airflow backfill create` over February and a day of March; returns its runs by key."""
    command = [
        str(BIN / "airflow"), "backfill", "create", "--dag-id", "market", "--from-date", "2013-02-01", "--to-date", "2013-03-01",
        "--max-active-runs", "1",
    ]  # fmt: skip
    for _ in range(20):  # the backfill before this one is over a little after its last run
        done = subprocess.run(command, env=product.stack.environment, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
        time.sleep(1)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = [run for run in product.api.runs("market") if run["run_type"] == "backfill"]
    return {run["partition_key"]: run["dag_run_id"] for run in runs}


def test_a_backfill_becomes_gold_with_coins_where_they_came(product: Product) -> None:
    product.clock(alpha_vantage="2013-03-01T22:00:00Z", coingecko="2013-03-02T06:00:00Z")
    product.succeeds("market_crypto", partition_key="2013-03-01")
    runs = backfilled(product)
    assert set(runs) == {"2013-02", "2013-03-01"}, "a whole month in one run, the day after it in another"
    product.api.unpause("market")
    for run_id in runs.values():
        assert product.wait("market", run_id, 600) == "success", product.api.failure("market", run_id)
    assert backfilled(product) == runs, "once more there is nothing to run"
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
