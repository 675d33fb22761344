"""A query's end, and a plan of Airflow's DAG: in this process."""

from datetime import UTC, datetime

import pytest

from lakeworks.agents.explanation import explain_number
from lakeworks.agents.limits import AnswerLimits
from lakeworks.agents.partitions import plan_backfill
from lakeworks.agents.query import answer_query
from lakeworks.airflow_api import Airflow
from lakeworks.errors import ContractError
from lakeworks.lake import Lake
from lakeworks.settings import current_settings
from tests.support.airflow_server import serving_airflow
from tests.support.shop_lake import ORDERS

NOW = datetime(2024, 1, 8, tzinfo=UTC)
ENDLESS = "SELECT count(*) FROM range(300000000) a, range(10) b WHERE a.range % 7 = b.range % 5"


def test_a_query_without_end_is_stopped(lake: Lake) -> None:
    with pytest.raises(ContractError, match=r"ran for 0\.2 s and was stopped"):
        answer_query(lake, ENDLESS, NOW, AnswerLimits(seconds=0.2))
    assert answer_query(lake, "SELECT 1 AS one", NOW, AnswerLimits())["rows"] == [[1]], "the next one runs"


def test_quarantined_rows_are_explained_without_personal_values(shop: Lake) -> None:
    (row,) = explain_number(shop, ORDERS, "2024-01-05", "", samples=5)["quarantined_rows"]
    assert (row["id"], row["email"], row["_broken_rules"]) == (4, "(withheld)", ["amount_minimum"])


def test_a_backfill_is_planned_and_not_started(shop: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_BUCKET", shop.store.bucket)
    current_settings.cache_clear()
    with serving_airflow() as (address, knows):
        knows["answers"] = {
            "dags/shop/details": {
                "dag_id": "shop", "tags": [{"name": "domain:shop"}], "params": {"from": {"schema": {"grain": "day"}}},
                "start_date": "2024-01-01T00:00:00Z", "is_paused": False, "asset_expression": None,
            },
            "dags/shop/tasks": {"tasks": [{"task_id": "silver_orders.write"}]},
        }  # fmt: skip
        airflow = Airflow(f"http://admin:s:cret@{address}")
        plan = plan_backfill(shop, airflow, "shop", "2024-01-05", "2024-01-06")
    assert (plan["periods"], plan["to_run"], plan["started"]) == (2, 0, "nothing")
    assert [row["table"] for row in plan["tables"]] == [ORDERS]
    assert plan["a_person_starts_it_with"] == "lakeworks backfill start shop --from 2024-01-05 --to 2024-01-06"
