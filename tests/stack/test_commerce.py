"""Commerce on the real stack: the shop's days go by, DAG runs follow, two of them at once, and an order refunded later is restated."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from lakeworks_demo.stack.api import AirflowApi
from lakeworks_demo.stack.environment import LOGIN
from lakeworks_demo.stack.stack import Stack
from tests.stack.test_end_to_end import Product

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]
SALES = """
    SELECT CAST(order_date AS VARCHAR) AS day, order_count, CAST(refunded_amount AS DOUBLE) AS refunded
    FROM gold_commerce.daily_sales ORDER BY 1
"""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    addresses = stack.start(fresh=False)
    try:
        api = AirflowApi(addresses.airflow, LOGIN).connect()
        api.wait_for_dag("commerce")
        product = Product(stack, api)
        assert product.run("lake_bootstrap")[1] == "success"
        api.unpause("commerce")
        yield product
    finally:
        stack.stop()
        assert stack.running() == []


def sales(product: Product) -> dict[str, tuple[int, float]]:
    rows: list[dict[str, Any]] = product.lakeworks("sql", SALES)
    return {row["day"]: (row["order_count"], row["refunded"]) for row in rows}


def test_days_go_by_and_sales_are_restated(product: Product) -> None:
    assert product.stack.addresses is not None
    replay = product.stack.addresses.replay

    def day(key: str, now: str) -> None:
        clock = {"source": "shopify", "now": now}
        assert requests.post(f"{replay}/_control/clock", json=clock, timeout=60).ok
        run_id, state = product.run("commerce", partition_key=key)
        assert state == "success", product.api.failure("commerce", run_id)

    day("2017-03-01", "2017-03-02T00:10:00Z")
    day("2017-03-02", "2017-03-03T00:10:00Z")
    before = sales(product)
    assert before["2017-03-01"][0] > 5
    day("2017-03-20", "2017-03-21T00:10:00Z")  # the days between are caught up
    after = sales(product)
    assert set(before) < set(after)
    assert sum(refunded for _, refunded in after.values()) > sum(refunded for _, refunded in before.values())
    assert any(after[key] != before[key] for key in before), "a day already told is told anew"
    assert product.lakeworks("verify", "silver.commerce.orders") == []
