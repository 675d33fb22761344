"""Check of the place where tables with `engine: spark` are built."""

from collections.abc import Sequence

from lakeworks.contract import Contract
from lakeworks.doctor.health_check import Diagnosis
from lakeworks.engines.remote.detached_spark import check_job_file
from lakeworks.engines.spark import find_spark
from lakeworks.infrastructure.resource import Clients
from lakeworks.remote_engines import job_service
from lakeworks.s3.object_store import ObjectStore
from lakeworks.settings import Settings


def spark_place(settings: Settings, contracts: Sequence[Contract], clients: Clients) -> Diagnosis:
    """Look for Spark where LAKE_SPARK_BACKEND says. No job is started, so the role of the jobs is not proven.

    Raises:
        ConfigError: there is no Spark, or not the file that it would run.
    """
    tables = sum(item.engine == "spark" for item in contracts)
    backend = settings.spark_backend
    if backend == "duckdb":
        return Diagnosis("ok", f"tables with `engine: spark` ({tables}) are built in the task, by DuckDB")
    if backend == "local":
        return Diagnosis("ok", f"Spark {find_spark()} on this machine builds tables with `engine: spark` ({tables})")
    found = job_service(settings, clients).describe()
    check_job_file(ObjectStore(clients("s3"), settings.bucket))
    return Diagnosis("ok", f"{found} builds tables with `engine: spark` ({tables})", unproven="the role of Spark jobs")
