"""Choice of the engine for a table's `engine`, by the deployment's settings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lakeworks.core.layout import SPARK_JOB
from lakeworks.core.tenant import Tenant
from lakeworks.engines.remote.job_service import JobService
from lakeworks.errors import ConfigError
from lakeworks.infrastructure.config import load_config
from lakeworks.infrastructure.spark.config import SparkConfig
from lakeworks.ledger.build_plan import RemoteEngine
from lakeworks.settings import Settings

NewClient = Callable[[str], Any]


@dataclass(frozen=True)
class RemoteEngines:
    """The engines of one deployment, or of a tenant's share. Each is made when the first table needs it."""

    settings: Settings
    client: NewClient
    tenant: Tenant | None = None
    _made: dict[str, RemoteEngine | None] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, name: str) -> RemoteEngine | None:
        """Return the engine of that name; None if the table is built in this process.

        Raises:
            ConfigError: lake.yml declares no Athena work group, or not the service of LAKE_SPARK_BACKEND.
        """
        if name not in self._made:
            self._made[name] = self._spark() if name == "spark" else self._athena() if name == "athena" else None
        return self._made[name]

    def _spark(self) -> RemoteEngine | None:
        backend = self.settings.spark_backend
        if backend == "duckdb":
            return None
        if backend == "local":
            from lakeworks.engines.remote.local_spark import LocalSpark

            return LocalSpark(self.settings.scratch_dir, cores=self.settings.threads)
        from lakeworks.engines.remote.detached_spark import DetachedSpark

        return DetachedSpark(job_service(self.settings, self.client))

    def _athena(self) -> RemoteEngine | None:
        if self.settings.athena_backend == "duckdb":
            return None
        from lakeworks.athena.builds import AthenaBuilds
        from lakeworks.athena.executions import QueryExecutions
        from lakeworks.infrastructure.config import work_group_name

        tenant = str(self.tenant) if self.tenant else None
        group = work_group_name(self.settings.config_file, self.settings.bucket, tenant)
        return AthenaBuilds(QueryExecutions(self.client("athena"), group))


def job_service(settings: Settings, client: NewClient) -> JobService:
    """Return the service of LAKE_SPARK_BACKEND, as lake.yml declares it.

    Raises:
        ConfigError: lake.yml does not declare it.
    """
    spark = load_config(settings.config_file).spark or SparkConfig()
    if settings.spark_backend == "emr-serverless" and (emr := spark.emr_serverless):
        from lakeworks.engines.remote.emr_serverless import EmrServerless

        name, job = emr.name or settings.bucket, _job_file(settings, "s3")
        return EmrServerless(client("emr-serverless"), name, emr.role_arn, job, spark.timeout_minutes, spark.conf)
    if settings.spark_backend == "glue" and (glue := spark.glue):
        from lakeworks.engines.remote.glue_job import GlueJobRuns

        return GlueJobRuns(client("glue"), glue.name or settings.bucket, spark.timeout_minutes)
    if settings.spark_backend == "kubernetes" and (pods := spark.kubernetes):
        from lakeworks.engines.remote.kubernetes_api import KubernetesApi
        from lakeworks.engines.remote.kubernetes_spark import KubernetesSpark, PodSizes

        sizes = PodSizes(pods.executors, pods.executor_cores, pods.executor_memory, pods.driver_memory)
        return KubernetesSpark(
            KubernetesApi.of(pods.api), pods.namespace, pods.image, pods.service_account, _job_file(settings, "s3a"),
            pods.spark_version, sizes, spark.conf,
        )  # fmt: skip
    section = settings.spark_backend.replace("-", "_")
    raise ConfigError(
        f"LAKE_SPARK_BACKEND is `{settings.spark_backend}`, and lake.yml has no `spark.{section}`. No job was started. "
        "Declare it (docs/spark.md), or choose another backend."
    )


def _job_file(settings: Settings, scheme: str) -> str:
    return f"{scheme}://{settings.bucket}/{SPARK_JOB}"
