"""Spark on a service (EMR Serverless, Glue, Kubernetes): its jobs go on without the process that started them.

The jobs read the planned objects in S3, and write into staging. No result of a job is believed: see `remote_build`.
"""

import logging
from dataclasses import dataclass, field

from lakeworks.aws_errors import translated
from lakeworks.core.layout import SPARK_JOB
from lakeworks.engines.remote.job_order import died, order_text, read_result
from lakeworks.engines.remote.job_service import JobEnd, JobName, JobService
from lakeworks.errors import BuildTimedOut, ConfigError, LakeAccessDenied, LakeError, LakeNotFound
from lakeworks.ledger.build_plan import BuildEnd, BuildPlan, BuiltRows, EngineName
from lakeworks.ledger.entry import LiveObject
from lakeworks.s3.object_store import SHA256, ObjectStore
from lakeworks.transform.spark_job_file import job_digest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DetachedSpark:
    """Builds by one service."""

    service: JobService
    name: EngineName = field(default="spark", init=False)
    detached: bool = field(default=True, init=False)
    keeps_microseconds: bool = field(default=True, init=False)

    def start(self, plan: BuildPlan, store: ObjectStore) -> str:
        """Start the job. A job of this attempt that runs already is taken; jobs of earlier attempts are cancelled.

        Raises:
            ConfigError: the job file of this release is not in the bucket.
        """
        check_job_file(store)
        name = JobName.of(plan)
        if job := self._found(name):
            return job

        def address(item: LiveObject) -> str:
            return self._address(store, item.key)

        output, result = self._address(store, plan.output), self._address(store, plan.result_key)
        order = f"{plan.prefix}order.json"
        store.put(order, order_text(plan, address, output, result).encode())
        return self.service.submit(name, self._address(store, order))

    def _found(self, name: JobName) -> str | None:
        """Return the job of an attempt whose start was not recorded, because the worker died or the answer was lost."""
        found = None
        for other, job in self.service.active():
            if other == name and found is None:
                found = job
            elif other.build == name.build and other.attempt <= name.attempt:
                self.stop(job)
        return found

    def _address(self, store: ObjectStore, key: str) -> str:
        return f"{self.service.scheme}{store.uri(key).removeprefix('s3')}"

    def ended(self, build: str, plan: BuildPlan, store: ObjectStore) -> BuildEnd | None:
        """Return the end of the job. The job's own words go before the service's."""
        end = self.service.end_of(build)
        if end is None:
            return None
        return BuildEnd() if end.succeeded else BuildEnd(_failure(end, build, plan, store))

    def stop(self, build: str) -> None:
        """Cancel the job. If that fails, a warning says how a person does it; the first error is what matters."""
        try:
            self.service.cancel(build)
        except LakeError as error:
            log.warning("%s The job may still run and cost money. Cancel it: %s", error, self.service.by_hand(build))

    def built(self, build: str, plan: BuildPlan, store: ObjectStore) -> BuiltRows:
        """Return what the job says that it wrote."""
        return read_result(plan, store)


def _failure(end: JobEnd, build: str, plan: BuildPlan, store: ObjectStore) -> LakeError:
    if end.timed_out:
        return BuildTimedOut(
            f"{plan.where}: Spark job {build} was ended by its time limit: {end.reason or 'no reason given'}. Nothing was "
            "published; live data is unchanged. Raise `spark.timeout_minutes` in lake.yml, or run a shorter period."
        )
    if store.head(plan.result_key):
        try:
            read_result(plan, store)
        except LakeError as error:
            return error
    return died(plan, f"{end.reason or 'no reason given'} (job {build})")


def check_job_file(store: ObjectStore) -> None:
    """Require that the bucket has the job file of this release. Tenants may not look at it; their jobs run all the same.

    Raises:
        ConfigError: it is missing, or of another release.
    """
    address = f"s3://{store.bucket}/{SPARK_JOB}"
    try:
        with translated("look at", address):
            found = store.client.head_object(Bucket=store.bucket, Key=SPARK_JOB)["Metadata"].get(SHA256, "")
    except LakeAccessDenied:
        return
    except LakeNotFound:
        found = None
    if found != job_digest():
        state = "is not there" if found is None else "is of another release"
        raise ConfigError(
            f"`{address}`, the file that Spark runs, {state}. No job was started. Run: lakeworks bootstrap"
        )
