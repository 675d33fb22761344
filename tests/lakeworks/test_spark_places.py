"""The place of a Spark build: chosen by LAKE_SPARK_BACKEND, declared in lake.yml, examined by the doctor."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakeworks.core.layout import SPARK_JOB
from lakeworks.doctor.spark_check import spark_place
from lakeworks.engines.remote.detached_spark import DetachedSpark
from lakeworks.engines.remote.emr_serverless import EmrServerless
from lakeworks.engines.remote.glue_job import GlueJobRuns
from lakeworks.engines.remote.kubernetes_spark import KubernetesSpark
from lakeworks.engines.remote.local_spark import LocalSpark
from lakeworks.errors import ConfigError, LakeUnavailable
from lakeworks.infrastructure.config import load_config
from lakeworks.infrastructure.plan_apply import apply
from lakeworks.infrastructure.spark.resources import spark_resources
from lakeworks.remote_engines import RemoteEngines
from lakeworks.settings import Settings
from tests.conftest import client
from tests.support.memory_s3 import MemoryS3
from tests.support.spark_machine import SparkMachine
from tests.support.spark_services import EmrService, GlueJobService, OperatorService, serving

ROLE = "arn:aws:iam::123456789012:role/spark"
SERVICES = {"emr-serverless": EmrServerless, "glue": GlueJobRuns, "kubernetes": KubernetesSpark}


class Cloud:
    """The three services, and a lake.yml that declares them."""

    def __init__(self, folder: Path, emr: str, glue: str, kubernetes: str) -> None:
        self.folder, self.s3 = folder, MemoryS3()
        boto3_meta = client("s3", emr).meta
        self.s3.meta = boto3_meta  # type: ignore[attr-defined]
        self.clients: dict[str, Any] = {
            "s3": self.s3,
            "emr-serverless": client("emr-serverless", emr),
            "glue": client("glue", glue),
        }
        self.declared = (
            f"spark: {{emr_serverless: {{role_arn: '{ROLE}'}}, glue: {{role_arn: '{ROLE}'}}, "
            f"kubernetes: {{namespace: spark, image: i, api: '{kubernetes}'}}, conf: {{spark.executor.memory: 4g}}}}"
        )

    def given(self, service: str, _: str | None = None) -> Any:
        return self.clients[service]

    def settings(self, backend: str, declared: str | None = None) -> Settings:
        file = self.folder / f"{backend}.yml"
        file.write_text(self.declared if declared is None else declared)
        return Settings(
            bucket="lake",
            region="us-east-1",
            spark_backend=backend,
            config_file=file,
            scratch_dir=self.folder,  # type: ignore[arg-type]
        )

    def bootstrap(self) -> None:
        list(apply(spark_resources("lake", load_config(self.settings("glue").config_file)), self.given))


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    machine = SparkMachine(None, tmp_path)
    with (
        serving(EmrService(machine)) as emr,
        serving(GlueJobService(machine)) as glue,
        serving(OperatorService(machine)) as pods,
    ):
        yield Cloud(tmp_path, emr, glue, pods)


def test_without_a_word_a_table_is_built_in_the_task(cloud: Cloud) -> None:
    assert RemoteEngines(cloud.settings("duckdb"), cloud.given)("spark") is None
    assert isinstance(RemoteEngines(cloud.settings("local"), cloud.given)("spark"), LocalSpark)


@pytest.mark.parametrize("backend", SERVICES)
def test_a_declared_service_builds(cloud: Cloud, backend: str) -> None:
    engine = RemoteEngines(cloud.settings(backend), cloud.given)("spark")
    assert isinstance(engine, DetachedSpark)
    assert isinstance(engine.service, SERVICES[backend])
    if backend != "glue":
        assert engine.service.job_file == f"{engine.service.scheme}://lake/{SPARK_JOB}"  # type: ignore[attr-defined]
        assert engine.service.spark_conf == {"spark.executor.memory": "4g"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("backend", SERVICES)
def test_a_service_that_lake_yml_lacks_is_named(cloud: Cloud, backend: str) -> None:
    says = rf"LAKE_SPARK_BACKEND is `{backend}`, and lake.yml has no `spark.{backend.replace('-', '_')}`.*No job was started"
    with pytest.raises(ConfigError, match=says):
        RemoteEngines(cloud.settings(backend, "project: x"), cloud.given)("spark")


@pytest.mark.parametrize("backend", SERVICES)
def test_the_doctor_wants_service_and_file(cloud: Cloud, backend: str) -> None:
    settings = cloud.settings(backend)
    with pytest.raises(ConfigError, match="lakeworks bootstrap"):
        spark_place(settings, [], cloud.given)
    cloud.bootstrap()
    found = spark_place(settings, [], cloud.given)
    assert (found.state, found.unproven) == ("ok", "the role of Spark jobs")
    assert {"emr-serverless": "EMR Serverless", "glue": "Glue job `lake`", "kubernetes": "namespace `spark`"}[
        backend
    ] in found.detail
    cloud.s3.objects.pop(SPARK_JOB)
    with pytest.raises(ConfigError, match=r"spark_job.py`, the file that Spark runs, is not there"):
        spark_place(settings, [], cloud.given)


def test_the_doctor_says_where_tables_are_built_otherwise(cloud: Cloud) -> None:
    assert "by DuckDB" in spark_place(cloud.settings("duckdb"), [], cloud.given).detail


def test_a_cluster_that_does_not_answer_is_an_outage(cloud: Cloud) -> None:
    away = "spark: {kubernetes: {namespace: spark, image: i, api: 'http://127.0.0.1:9'}}"
    with pytest.raises(LakeUnavailable, match=r"Kubernetes at `http://127.0.0.1:9` does not answer"):
        spark_place(cloud.settings("kubernetes", away), [], cloud.given)
