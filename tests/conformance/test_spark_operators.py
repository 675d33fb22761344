"""A taxi month from landing to gold by Airflow's operators, all SQL on local Spark: on the worker, and behind each service.

Behind a service Spark runs the file that bootstrap uploaded, over objects in S3. Run by `make conformance`.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred
from airflow.sdk.execution_time.context import OutletEventAccessors

from lakeworks.contract import load_contract
from lakeworks.core.layout import SPARK_JOB
from lakeworks.engines.remote.detached_spark import DetachedSpark
from lakeworks.engines.remote.emr_serverless import EmrServerless
from lakeworks.engines.remote.glue_job import GlueJobRuns
from lakeworks.engines.remote.kubernetes_api import KubernetesApi
from lakeworks.engines.remote.kubernetes_spark import KubernetesSpark
from lakeworks.engines.remote.local_spark import LocalSpark, spark_environment
from lakeworks.engines.spark import find_spark
from lakeworks.errors import ConfigError
from lakeworks.infrastructure.spark.resources import SparkJobFile
from lakeworks.lake import Lake
from lakeworks.ledger.build_plan import RemoteEngine
from lakeworks.ledger.run_record import load_run_record
from lakeworks.settings import current_settings
from lakeworks_airflow.assets import table_asset
from lakeworks_airflow.look_trigger import BuildTrigger, planned_build
from lakeworks_airflow.operators.steps import AuditOperator, FetchOperator, PublishOperator, WriteOperator
from tests.conformance.test_spark_builds import WITH_SQL, on_spark
from tests.conftest import client
from tests.lakeworks.pipeline.test_pipeline import TAXI
from tests.support.spark_machine import SparkMachine
from tests.support.spark_services import EmrService, GlueJobService, OperatorService, serving

ROLE = "arn:aws:iam::123456789012:role/spark"
Make = Callable[[SparkMachine, ExitStack, str], RemoteEngine]


def emr(machine: SparkMachine, opened: ExitStack, job: str) -> RemoteEngine:
    aws = client("emr-serverless", opened.enter_context(serving(EmrService(machine))))
    aws.create_application(name="lake", releaseLabel="emr-7.9.0", type="SPARK", clientToken="t")
    return DetachedSpark(EmrServerless(aws, "lake", ROLE, job))


def glue(machine: SparkMachine, opened: ExitStack, job: str) -> RemoteEngine:
    aws = client("glue", opened.enter_context(serving(GlueJobService(machine))))
    aws.create_job(Name="lake", Role=ROLE, Command={"Name": "glueetl", "ScriptLocation": job})
    return DetachedSpark(GlueJobRuns(aws, "lake"))


def kubernetes(machine: SparkMachine, opened: ExitStack, job: str) -> RemoteEngine:
    api = KubernetesApi(opened.enter_context(serving(OperatorService(machine))))
    return DetachedSpark(KubernetesSpark(api, "spark", "spark:3.5.3", "spark", job.replace("s3", "s3a", 1)))


def on_worker(machine: SparkMachine, opened: ExitStack, job: str) -> RemoteEngine:
    return LocalSpark(machine.scratch / "spark")


class Deployed:
    """The lake of a deployment, whose transforms Spark runs."""

    def __init__(self, lake: Lake, engine: RemoteEngine) -> None:
        self.spark = replace(lake, contract=on_spark, engines={"spark": engine}.get)

    def task(self, kind: type, **arguments: Any) -> Any:
        lake = self.spark
        connected = type(kind.__name__, (kind,), {"lake": lambda _: lake})
        with DAG("taxi", schedule=None):
            return connected(task_id="task", grain="month", **arguments)

    def written(self, table: str) -> list[str]:
        task = self.task(WriteOperator, table=table, look_every=0.1)
        try:
            keys: list[str] = task.execute(context())
        except TaskDeferred as pause:
            keys = task.built(context(), self._awaited(pause), **(pause.kwargs or {}))
        return keys

    def _awaited(self, pause: TaskDeferred) -> dict[str, str]:
        trigger = BuildTrigger(**json.loads(json.dumps(pause.trigger.serialize()[1])))
        trigger.connected = lambda: planned_build(self.spark, trigger.prefix)  # type: ignore[method-assign]

        async def first() -> Any:
            return await anext(aiter(trigger.run()))

        event: dict[str, str] = asyncio.run(first()).payload
        return event

    def ran(self, table: str) -> list[str]:
        """Run the four steps of a table. Return the manifests' keys."""
        if load_contract(table).source:
            self.task(FetchOperator, table=table).execute(context())
        staged = self.written(table)
        audited = self.task(AuditOperator, table=table, staged=staged).execute(context())
        publishing = context()
        self.task(PublishOperator, table=table, staged=audited).execute(publishing)
        keys = publishing["outlet_events"][table_asset(table)].partition_keys
        assert {key[:7] for key in keys} == {"2019-01"}
        return staged


def context() -> Any:
    run = SimpleNamespace(
        run_id="manual__1", partition_key="2019-01", data_interval_start=None, data_interval_end=None, run_type="manual",
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return {"dag_run": run, "params": {}, "ti": SimpleNamespace(try_number=1), "outlet_events": OutletEventAccessors()}


@pytest.fixture(params=[on_worker, emr, glue, kubernetes])
def deployed(
    request: pytest.FixtureRequest,
    lake: Lake,
    moto_url: str,
    replay_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Deployed]:
    try:
        find_spark()
    except ConfigError as error:
        pytest.skip(f"{error} `make conformance` installs it.")
    extra = {"endpoint_url": moto_url, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "test", "password": "testtest", "extra": extra}
    monkeypatch.setenv("LAKE_BUCKET", lake.store.bucket)
    monkeypatch.setenv("LAKE_SCRATCH_DIR", str(lake.scratch))
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW_CONN_NYC_TLC", json.dumps({"conn_type": "http", "host": replay_url}))
    current_settings.cache_clear()
    file = SparkJobFile(lake.store.bucket)
    file.write(lake.store.client, file.desired())
    options = "--master local[2] --driver-memory 1g --conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=2 pyspark-shell"
    machine = SparkMachine(
        lake.store.client, tmp_path, (), lambda: {**spark_environment(), "PYSPARK_SUBMIT_ARGS": options}
    )
    with ExitStack() as opened:
        yield Deployed(lake, request.param(machine, opened, f"s3://{lake.store.bucket}/{SPARK_JOB}"))
    current_settings.cache_clear()


@pytest.mark.timeout(1200)
def test_a_taxi_month_through_airflows_operators(deployed: Deployed) -> None:
    for table in TAXI:
        (key,) = deployed.ran(table)
        record = load_run_record(deployed.spark.store, key) if deployed.spark.store.head(key) else None
        if record:
            assert ("spark 3" in record.engine) == (table in WITH_SQL), table
    live = deployed.spark.ledger.live_partitions(load_contract("silver.transport.trips").table)
    assert sum(item.rows for entry in live.values() for item in entry.objects) == 9_982, (
        "18 rows are quarantined, by the rules"
    )
    for table in WITH_SQL:
        assert deployed.spark.ledger.live_partitions(load_contract(table).table), table
    left = [item.key for item in deployed.spark.store.scan("_staging/") if "built" in item.key]
    assert left == []
