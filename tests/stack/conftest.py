"""One stack for all modules: starting Airflow costs half a minute. Domains do not meet, so neither do their tests."""

import json
from collections.abc import Iterator

import pytest

from lakeworks_local.stack.api import AirflowApi
from lakeworks_local.stack.environment import LOGIN
from lakeworks_local.stack.process import free_port
from lakeworks_local.stack.stack import Stack
from tests.stack.product import Product

# A tenant with a DAG and a connection of its own; the endpoint comes from AWS_ENDPOINT_URL.
TENANT = {
    "LAKE_TENANTS": "acme",
    "AIRFLOW_CONN_AWS_ACME": json.dumps(
        {"conn_type": "aws", "login": "test", "password": "test", "extra": {"region_name": "us-east-1"}}
    ),
}
# Lost tasks are noticed in seconds instead of minutes; late tables are notified of at an address a test may listen at.
QUICK = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{LOGIN[0]}:admin,vera:viewer",
    "LAKE_ALERT_URL": f"http://127.0.0.1:{free_port()}/alerts",
}
DAGS = (
    "lake_bootstrap", "taxi", "taxi__acme", "tenant_onboarding", "lake_maintenance", "lake_restore", "lake_freshness", "lake_inbox", "lake_replay", "lake_rollback", "lake_withdraw",
    "market", "market_crypto", "commerce", "commerce_events", "commerce_monthly", "reports",
)  # fmt: skip


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A bootstrapped lake on a running stack; every domain's DAG is paused except taxi's, consumers are not."""
    patch = pytest.MonkeyPatch()
    patch.setenv("REPLAY_TRIPS", str(tmp_path_factory.mktemp("trips")))  # months the TLC publishes while the tests run
    stack = Stack(tmp_path_factory.mktemp("stack"), {**TENANT, **QUICK})
    addresses = stack.start(fresh=False)
    try:
        api = AirflowApi(addresses.airflow, LOGIN).connect()
        for dag_id in DAGS:
            api.wait_for_dag(dag_id)
        product = Product(stack, api)
        assert product.run("lake_bootstrap")[1] == "success"
        for dag_id in ("taxi", "commerce_monthly", "reports"):  # a paused DAG hears of no publication
            api.unpause(dag_id)
        yield product
    finally:
        patch.undo()
        stack.stop()
        assert stack.running() == []
