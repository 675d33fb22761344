"""Commerce on the real stack: the shop's days go by, DAG runs follow, two of them at once, and an order refunded later is restated."""

import json
import subprocess
import time
from typing import Any

import boto3
import pytest

from lakeworks_local.stack.api import FINISHED, AirflowApi
from lakeworks_local.stack.environment import LOGIN
from tests.stack.product import BIN, Product

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
    """Unpaused, Airflow runs yesterday: not what this is about, and runs of this DAG go one at a time.

    A run is stopped once Airflow itself says so: the scheduler may have had it in its hands.
    """
    deadline, quiet = time.monotonic() + 60, 0
    while quiet < 3:
        assert time.monotonic() < deadline, "the run that the schedule began does not stop"
        runs = api.runs("commerce")
        going = [run["dag_run_id"] for run in runs if run["state"] not in FINISHED]
        for run_id in going:
            api.call("PATCH", f"dags/commerce/dagRuns/{run_id}", json={"state": "failed"})
        quiet = quiet + 1 if runs and not going else 0
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


def test_a_person_refuses_and_another_approves_a_breaking_change(product: Product) -> None:
    """The published contract had a column that today's has not: readers break, so the run waits in Airflow's own state."""
    table, task = "gold.commerce.customer_360_daily", "gold_customer_360_daily.approve"
    before = product.lakeworks("ledger", table, "2017-03-20")
    older_contract(product, table)
    for answer in ("refuse", "approve"):
        run_id = product.api.trigger("commerce", partition_key="2017-03-20")
        waiting = product.until("commerce", run_id, task, "awaiting_input")
        assert waiting["trigger"] is None, "neither a worker nor the triggerer waits"
        (asked,) = product.lakeworks("approvals", "list", table)
        assert asked["why"] == "version 1.0.0 breaks readers of 0.9.0: `nickname`: removed"
        (matrix,) = product.lakeworks("status", table, "--from", "2017-03-20", "--to", "2017-03-20")
        assert matrix["counts"] == {"waiting": 1}
        say(product, "approvals", answer, table, "2017-03-20", "--note", f"{answer}d by the test")
        assert product.wait("commerce", run_id) == "success", product.api.failure("commerce", run_id)
        published = product.task("commerce", run_id, "gold_customer_360_daily.publish")["state"]
        history = product.lakeworks("ledger", table, "2017-03-20")
        if answer == "refuse":
            assert (published, history) == ("skipped", before)
    assert published == "success"
    assert (history[-1]["approved by"], len(history)) == (LOGIN[0], len(before) + 1)
    assert history[-1]["approved for"].endswith(
        "breaks readers of 0.9.0: `nickname`: removed; note: approved by the test"
    )
    decided = product.lakeworks("approvals", "list", table, "--all")
    assert [(row["state"], row["by"], row["note"]) for row in decided] == [
        ("refused", LOGIN[0], "refused by the test"), ("approved", LOGIN[0], "approved by the test")
    ]  # fmt: skip


def older_contract(product: Product, table: str) -> None:
    """Have the lake know one earlier contract of the table alone, with a column that is removed since."""
    environment, prefix = product.stack.environment, f"metadata/contracts/{table.replace('.', '/')}/"
    client: Any = boto3.client(
        "s3", endpoint_url=environment["AWS_ENDPOINT_URL"], region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    bucket = environment["LAKE_BUCKET"]
    (newest, *_) = [item["Key"] for item in client.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}1.")["Contents"]]
    contract = json.loads(client.get_object(Bucket=bucket, Key=newest)["Body"].read())
    contract["version"] = "0.9.0"
    contract["columns"]["nickname"] = {"type": "string", "description": "Removed since."}
    client.delete_object(Bucket=bucket, Key=newest)
    client.put_object(Bucket=bucket, Key=f"{prefix}0.9.0.json", Body=json.dumps(contract).encode())


def say(product: Product, *arguments: str) -> None:
    """Run a command that prints a sentence."""
    done = subprocess.run(
        [str(BIN / "lakeworks"), *arguments], env=product.stack.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
