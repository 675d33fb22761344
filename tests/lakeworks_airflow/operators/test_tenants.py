"""Tenants in Airflow: onboarding by form, tasks that use the tenant's own connection, links into its share."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from lakeworks.lake import Lake
from lakeworks.settings import current_settings
from lakeworks_airflow import FetchOperator, TenantOnboardingOperator, WriteOperator
from lakeworks_airflow.ui_links import AuditReportLink, DataLink

ZONES = "reference.transport.zones"


@pytest.fixture
def deployed(lake: Lake, moto_url: str, replay_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    extra = {"endpoint_url": moto_url, "region_name": "us-east-1"}
    connection = json.dumps({"conn_type": "aws", "login": "test", "password": "testtest", "extra": extra})
    for name in ("AWS_DEFAULT", "AWS_ACME"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", connection)
    monkeypatch.setenv("LAKE_BUCKET", lake.store.bucket)
    monkeypatch.setenv("LAKE_SCRATCH_DIR", str(lake.scratch))
    monkeypatch.setenv("AIRFLOW_CONN_NYC_TLC", json.dumps({"conn_type": "http", "host": replay_url}))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    current_settings.cache_clear()
    yield lake
    current_settings.cache_clear()


def context() -> Any:
    run = SimpleNamespace(
        run_id="manual__1", partition_key="2019-01", data_interval_start=None, data_interval_end=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return {"dag_run": run, "params": {}, "ti": SimpleNamespace(try_number=1)}


def operator(kind: type, **arguments: Any) -> Any:
    with DAG("test", schedule=None):
        return kind(task_id="task", **arguments)


def test_onboarding_registers_and_leaves_the_policy_to_attach(deployed: Lake) -> None:
    task = operator(TenantOnboardingOperator, tenant="acme", contact="ops@acme.example")
    first, second = task.execute(context()), task.execute(context())
    assert {row["outcome"] for row in first} == {"created"}
    assert {row["outcome"] for row in second} == {"unchanged"}
    document = json.loads(deployed.store.get("metadata/policies/acme.json")[0])
    assert document["Statement"][1]["Resource"][0] == f"arn:aws:s3:::{deployed.store.bucket}/landing/tenant=acme/*"
    assert ":123456789012:" in document["Statement"][2]["Resource"][0], "the account of the credentials"


def test_a_bad_id_fails_for_good(deployed: Lake) -> None:
    with pytest.raises(AirflowFailException, match="not a tenant id"):
        operator(TenantOnboardingOperator, tenant="Acme/*").execute(context())


def test_tasks_work_in_the_tenants_share(deployed: Lake) -> None:
    landed = operator(FetchOperator, table=ZONES, grain="month", tenant="acme").execute(context())
    operator(WriteOperator, table=ZONES, grain="month", tenant="acme").execute(context())
    assert landed[0].startswith("landing/transport/"), "steps hand on the lake's names, as without a tenant"
    keys = [item.key for item in deployed.store.scan("")]
    assert keys
    assert all(key.split("/")[1] == "tenant=acme" for key in keys)


def test_the_owners_credentials_never_stand_in_for_a_tenants(deployed: Lake) -> None:
    with pytest.raises(AirflowFailException, match="`globex` has no Airflow connection `aws_globex`"):
        operator(WriteOperator, table=ZONES, grain="month", tenant="globex").execute(context())
    assert list(deployed.store.scan("")) == []


def test_buttons_lead_into_the_tenants_share(deployed: Lake) -> None:
    task = SimpleNamespace(
        table=ZONES, tenant="acme", staged=[f"_staging/{ZONES.replace('.', '/')}/period=x/r.1/manifest.json"]
    )
    assert DataLink().get_link(task, ti_key=None).endswith("prefix=reference/tenant%3Dacme/transport/zones/")  # type: ignore[arg-type]
    report = AuditReportLink().get_link(task, ti_key=None)  # type: ignore[arg-type]
    assert report.endswith("prefix=_audits/tenant%3Dacme/reference/transport/zones/period%3Dx/r.1.html")
