"""Commerce on the real stack: the shop's days go by, DAG runs follow, two of them at once, and an order refunded later is restated."""

import time
from typing import Any

import pytest

from lakeworks_local.stack.api import AirflowApi
from tests.stack.product import Product

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]
SALES = """
    SELECT CAST(order_date AS VARCHAR) AS day, order_count, CAST(refunded_amount AS DOUBLE) AS refunded
    FROM gold_commerce.daily_sales ORDER BY 1
"""


@pytest.fixture(scope="module", autouse=True)
def _running(product: Product) -> None:
    product.api.unpause("commerce")
    _stop_what_the_schedule_began(product.api)


def _stop_what_the_schedule_began(api: AirflowApi) -> None:
    """Unpaused, Airflow runs yesterday: not what this is about, and runs of this DAG go one at a time."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for run in api.runs("commerce"):
            api.call("PATCH", f"dags/commerce/dagRuns/{run['dag_run_id']}", json={"state": "failed"})
            return
        time.sleep(0.5)


def sales(product: Product) -> dict[str, tuple[int, float]]:
    rows: list[dict[str, Any]] = product.lakeworks("sql", SALES)
    return {row["day"]: (row["order_count"], row["refunded"]) for row in rows}


def test_days_go_by_and_sales_are_restated(product: Product) -> None:
    def day(key: str, now: str) -> None:
        product.clock(shopify=now)
        product.succeeds("commerce", partition_key=key)

    day("2017-03-01", "2017-03-02T00:10:00Z")
    before = sales(product)
    assert before["2017-03-01"][0] > 5
    day("2017-03-20", "2017-03-21T00:10:00Z")  # the days between are caught up
    after = sales(product)
    assert set(before) < set(after)
    assert sum(refunded for _, refunded in after.values()) > sum(refunded for _, refunded in before.values())
    assert any(after[key] != before[key] for key in before), "a day already told is told again"
    assert product.lakeworks("verify", "silver.commerce.orders") == []
