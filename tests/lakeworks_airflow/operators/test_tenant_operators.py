"""Every operator that takes a tenant works with that tenant's credentials, and never with the owner's."""

import inspect
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowFailException

import lakeworks_airflow
from lakeworks.settings import current_settings
from lakeworks_airflow import PublishOperator, TenantOnboardingOperator, VerifyOperator, WriteOperator
from lakeworks_airflow.operators.base import LakeOperator, StepOperator, TableOperator

OPERATORS = [
    found
    for name in lakeworks_airflow.__all__
    if inspect.isclass(found := getattr(lakeworks_airflow, name))
    and issubclass(found, BaseOperator)
    and not issubclass(found, TriggerDagRunOperator)  # it starts another DAG and opens no lake
]
FOR_TENANTS = [kind for kind in OPERATORS if issubclass(kind, LakeOperator)]
ZONES = "reference.transport.zones"
REQUIRED: dict[str, Any] = {
    "table": ZONES,
    "staged": ["key"],
    "upstream": ZONES,
    "files": [__file__],
    "query": "SELECT 1",
    "stream": "commerce",
    "domain": "transport",
} | dict.fromkeys(("partition", "period"), "2019-01")


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The owner has a connection, the tenant `globex` has none."""
    monkeypatch.setenv("LAKE_BUCKET", "lake-test")
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", '{"conn_type": "aws", "login": "test", "password": "testtest"}')
    current_settings.cache_clear()
    yield
    current_settings.cache_clear()


def context() -> Any:
    run = SimpleNamespace(
        run_id="manual__1", partition_key="2019-01", data_interval_start=None, data_interval_end=None,
        run_type="asset_triggered", start_date=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return {"dag_run": run, "params": {}, "ti": SimpleNamespace(try_number=1)}


def arguments(kind: type) -> dict[str, Any]:
    """What the operator cannot be made without."""
    made = [cls.__init__ for cls in kind.__mro__ if "lakeworks" in cls.__module__ and "__init__" in vars(cls)]
    named = [p for init in made for p in inspect.signature(init).parameters.values()]
    return {p.name: REQUIRED[p.name] for p in named if p.kind is p.KEYWORD_ONLY and p.default is p.empty}


@pytest.mark.parametrize("kind", FOR_TENANTS)
def test_a_tenant_is_passed_on_to_the_connection(kind: type) -> None:
    with DAG("test", schedule=None, default_args={"grain": "month", "tenant": "globex"}):
        task: Any = kind(task_id="task", **arguments(kind))
    with pytest.raises(AirflowFailException, match="`globex` has no Airflow connection `aws_globex`"):
        task.execute(context())


def test_every_operator_is_one_of_the_bases() -> None:
    assert len(FOR_TENANTS) >= 12
    assert all(issubclass(kind, StepOperator) for kind in OPERATORS)
    for kind in OPERATORS:
        takes = [name for cls in kind.__mro__ for name in inspect.signature(cls.__init__).parameters]
        assert issubclass(kind, TableOperator) == ("table" in takes), kind
        if kind is not TenantOnboardingOperator:  # the tenant it takes is the one to register, as the owner
            assert issubclass(kind, LakeOperator) == ("tenant" in takes), kind


def test_grain_and_tenant_come_from_the_dag_and_name_the_asset() -> None:
    with DAG("test", schedule=None, default_args={"grain": "month", "tenant": "acme"}):
        task = PublishOperator(task_id="task", table=ZONES, staged=[])
        mapped = VerifyOperator.partial(task_id="mapped").expand(table=[ZONES])
    assert (task.grain, task.tenant, task.outlets[0].name) == ("month", "acme", f"{ZONES}@acme")
    one: Any = mapped.unmap({"table": ZONES})
    assert one.tenant == "acme"


def test_commands_in_messages_name_the_tenant() -> None:
    with DAG("test", schedule=None):
        ours = WriteOperator(task_id="a", table=ZONES)
        theirs = WriteOperator(task_id="b", table=ZONES, tenant="acme")
    assert ours.command("verify") == "lakeworks verify"
    assert theirs.command("verify") == "LAKE_TENANT=acme lakeworks verify"
