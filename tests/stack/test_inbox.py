"""A file dropped in the inbox starts its DAG within seconds: S3's event, its queue, the triggerer, the scheduler, a publication."""

import json
import time
from typing import Any

import boto3
import pytest

from tests.stack.product import Product

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
TABLE, DAG = "bronze.commerce.events", "commerce_events"
# Busy machines included: the hourly look would be 3,600.
SECONDS = 45


@pytest.fixture(scope="module", autouse=True)
def _running(product: Product) -> None:
    product.api.unpause(DAG)


def drop(product: Product, day: str, *names: str) -> None:
    aws = product.stack.environment
    s3 = boto3.client(
        "s3",
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        region_name=aws["AWS_DEFAULT_REGION"],
        aws_access_key_id=aws["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"],
    )
    for name in names:
        line = {
            "event_id": f"{day} {name}", "event_type": "order_placed", "occurred_at": f"{day}T10:00:00Z", "order_id": 1,
            "customer_id": 2, "location_id": 3, "channel": "pos", "amount": "12.50", "currency": "USD",
        }  # fmt: skip
        s3.put_object(
            Bucket=aws["LAKE_BUCKET"], Key=f"inbox/commerce_events/{day}/{name}", Body=json.dumps(line).encode()
        )


def started(product: Product, day: str) -> list[dict[str, Any]]:
    return [run for run in product.api.runs(DAG) if run["dag_run_id"].startswith(f"inbox__{day}__")]


def begun(product: Product, day: str) -> str:
    """Wait for the run of a drop; returns its id."""
    since = time.monotonic()
    while not (found := started(product, day)):
        assert time.monotonic() < since + SECONDS, product.api.runs("lake_inbox")
        time.sleep(0.3)
    return str(found[0]["dag_run_id"])


def test_dropped_files_start_their_dag_and_ten_of_one_drop_are_one_run(product: Product) -> None:
    ten = [f"till {n}ü.jsonl" for n in range(10)]  # names that S3's events spell otherwise
    drop(product, "2017-03-05", "till-1.jsonl")
    drop(product, "2017-03-06", *ten)
    drop(product, "2017-03-07", "_SUCCESS")
    runs = [begun(product, day) for day in ("2017-03-05", "2017-03-06")]
    for run_id in runs:
        assert product.wait(DAG, run_id) == "success", product.api.failure(DAG, run_id)
        assert product.api.run(DAG, run_id)["run_type"] == "operator_triggered"
    rows = {row["partition"]: row for row in product.lakeworks("ledger", TABLE)}
    assert [rows[f"2017-03-{day}"]["rows"] for day in ("05", "06")] == [1, 10]
    assert [len(started(product, day)) for day in ("2017-03-05", "2017-03-06", "2017-03-07")] == [1, 1, 0]


def test_a_file_that_comes_later_starts_its_day_again(product: Product) -> None:
    before = begun(product, "2017-03-05")
    drop(product, "2017-03-05", "till-2.jsonl")
    deadline = time.monotonic() + SECONDS
    while len(found := started(product, "2017-03-05")) < 2:
        assert time.monotonic() < deadline, product.api.runs("lake_inbox")
        time.sleep(0.3)
    (run_id,) = {run["dag_run_id"] for run in found} - {before}
    assert product.wait(DAG, run_id) == "success", product.api.failure(DAG, run_id)
    rows = {row["partition"]: row for row in product.lakeworks("ledger", TABLE)}
    assert rows["2017-03-05"]["rows"] == 2
