"""The market DAGs on the real stack: a range of real sessions from the replayed vendors to gold, by the scheduler's hands."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from lakeworks_demo.stack.api import AirflowApi
from lakeworks_demo.stack.environment import LOGIN
from lakeworks_demo.stack.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    stack.start(fresh=False)
    try:
        yield stack
    finally:
        stack.stop()
        assert stack.running() == []


@pytest.fixture(scope="module")
def api(stack: Stack) -> AirflowApi:
    assert stack.addresses is not None
    for source, now in (("alpha_vantage", "2013-03-01T22:00:00Z"), ("coingecko", "2013-03-02T06:00:00Z")):
        clock = {"source": source, "now": now}
        requests.post(f"{stack.addresses.replay}/_control/clock", json=clock, timeout=5).raise_for_status()
    api = AirflowApi(stack.addresses.airflow, LOGIN).connect()
    for dag_id in ("lake_bootstrap", "market", "market_crypto"):
        api.wait_for_dag(dag_id)
    succeeds(api, "lake_bootstrap")
    return api


def succeeds(api: AirflowApi, dag_id: str, **body: Any) -> None:
    run_id = api.trigger(dag_id, **body)
    api.unpause(dag_id)
    deadline = time.monotonic() + 600
    while (state := api.run(dag_id, run_id)["state"]) not in ("success", "failed"):
        assert time.monotonic() < deadline, api.tasks(dag_id, run_id)
        time.sleep(0.5)
    assert state == "success", api.failure(dag_id, run_id)


def asked(stack: Stack, sql: str) -> list[dict[str, Any]]:
    command = [str(Path(sys.executable).parent / "lakeworks"), "sql", sql, "--json"]
    done = subprocess.run(command, env=stack.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_a_range_becomes_gold_with_coins_where_they_came(stack: Stack, api: AirflowApi) -> None:
    succeeds(api, "market_crypto", partition_key="2013-03-01")
    succeeds(api, "market", conf={"from": "2013-02-01", "to": "2013-03-01"})
    summary = asked(
        stack, "SELECT asset_class, count(*) AS n FROM gold_market.market_daily_summary GROUP BY 1 ORDER BY 1"
    )
    assert [(row["asset_class"], int(row["n"])) for row in summary] == [("crypto", 1), ("equity", 20)]
    (value,) = asked(stack, "SELECT * FROM gold_market.portfolio_values WHERE session_date = DATE '2013-03-01'")
    # 100 AAPL of 2000-03-01 are 400 since two splits, 150 MSFT are 300; closes 430.47, 202.91 and 27.95
    assert float(value["value_usd"]) == 400 * 430.47 + 40 * 202.91 + 300 * 27.95
    assert (int(value["unknown_split_count"]), int(value["stale_price_count"])) == (0, 0)
