"""Spark's services: the job file, an EMR Serverless application and a Glue job."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lakeworks.core.layout import SPARK_JOB
from lakeworks.errors import LakeUnavailable
from lakeworks.infrastructure.bucket_names import MADE_BY
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.resource import Document, Resource
from lakeworks.infrastructure.spark.config import EmrServerlessConfig, GlueJobConfig
from lakeworks.transform.spark_job_file import job_digest, job_text

_MARK = "made-by"
_GONE = "TERMINATED"
_CHANGEABLE = ("CREATED", "STOPPED")
_DIGEST = "lakeworks-sha256"


@dataclass(frozen=True)
class SparkJobFile(Resource):
    """The file that every service runs, as this release has it."""

    kind: ClassVar[str] = "spark job file"

    def desired(self) -> Document:
        """Return the digest."""
        return {"Key": SPARK_JOB, "Sha256": job_digest()}

    def read(self, client: Any) -> Document | None:
        """Return the digest of what is there."""
        found = client.head_object(Bucket=self.name, Key=SPARK_JOB)
        return {"Key": SPARK_JOB, "Sha256": found["Metadata"].get(_DIGEST, "")}

    def write(self, client: Any, target: Document) -> None:
        """Upload the file. Jobs that have started keep theirs."""
        body, metadata = job_text(), {_DIGEST: target["Sha256"]}
        client.put_object(Bucket=self.name, Key=SPARK_JOB, Body=body, Metadata=metadata, ContentType="text/x-python")


@dataclass(frozen=True)
class EmrApplication(Resource):
    """An EMR Serverless application for Spark. Its name is not unique in AWS; the newest of that name counts."""

    kind: ClassVar[str] = "emr serverless application"
    service: ClassVar[str] = "emr-serverless"
    config: EmrServerlessConfig = field(
        default_factory=lambda: EmrServerlessConfig(role_arn="arn:aws:iam::000000000000:role/x")
    )

    def desired(self) -> Document:
        """Return the settings."""
        return {
            "MadeBy": MADE_BY,
            "Release": self.config.release,
            "Architecture": self.config.architecture,
            "MaxVcpus": self.config.max_vcpus,
            "MaxMemoryGb": self.config.max_memory_gb,
            "IdleMinutes": self.config.idle_minutes,
        }

    def read(self, client: Any) -> Document | None:
        """Return the settings as they are."""
        found = self._application(client)
        if found is None:
            return None
        capacity, stop = found.get("maximumCapacity", {}), found.get("autoStopConfiguration", {})
        return {
            "MadeBy": found.get("tags", {}).get(_MARK, ""),
            "Release": found["releaseLabel"],
            "Architecture": found.get("architecture", "X86_64"),
            "MaxVcpus": _number(capacity.get("cpu")),
            "MaxMemoryGb": _number(capacity.get("memory")),
            "IdleMinutes": stop.get("idleTimeoutMinutes") if stop.get("enabled", True) else 0,
        }

    def conflict(self, current: Document) -> str:
        """Refuse an application of that name without our mark: it may be another program's."""
        return "" if current["MadeBy"] == MADE_BY else "an application of this name exists that bootstrap did not make"

    def write(self, client: Any, target: Document) -> None:
        """Create it, or change it. AWS changes none that is started; jobs that run are never stopped for it.

        Raises:
            LakeUnavailable: it is started.
        """
        settings = {
            "releaseLabel": target["Release"],
            "architecture": target["Architecture"],
            "maximumCapacity": {"cpu": f"{target['MaxVcpus']} vCPU", "memory": f"{target['MaxMemoryGb']} GB"},
            "autoStartConfiguration": {"enabled": True},
            "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": target["IdleMinutes"]},
        }
        found = self._application(client)
        if found is None:
            client.create_application(name=self.name, type="SPARK", tags={_MARK: MADE_BY}, **settings)
        elif found["state"] not in _CHANGEABLE:
            raise LakeUnavailable(
                f"The EMR Serverless application `{self.name}` is {found['state'].lower()}, and AWS changes a stopped one. "
                "Nothing of it was changed. It stops by itself when it is idle; run the bootstrap again then."
            )
        else:
            client.update_application(applicationId=found["applicationId"], **settings)

    def _application(self, client: Any) -> Document | None:
        pages = client.get_paginator("list_applications").paginate()
        found = [
            one
            for page in pages
            for one in page["applications"]
            if one.get("name") == self.name and one["state"] != _GONE
        ]
        if not found:
            return None
        newest = max(found, key=lambda one: one["createdAt"])
        return dict(client.get_application(applicationId=newest["id"])["application"])


def _number(text: str | None) -> int | None:
    """Return the number of `32 vCPU` or `128 GB`."""
    digits = "".join(character for character in (text or "").split(" ")[0] if character.isdigit())
    return int(digits) if digits else None


@dataclass(frozen=True)
class GlueSparkJob(Resource):
    """A Glue job that runs the job file. Glue repeats no run: Airflow decides that."""

    kind: ClassVar[str] = "glue job"
    service: ClassVar[str] = "glue"
    config: GlueJobConfig = field(default_factory=lambda: GlueJobConfig(role_arn="arn:aws:iam::000000000000:role/x"))
    bucket: str = ""
    timeout_minutes: int = 360

    def desired(self) -> Document:
        """Return the definition."""
        return {
            "Description": MADE_BY,
            "Role": self.config.role_arn,
            "ScriptLocation": f"s3://{self.bucket}/{SPARK_JOB}",
            "GlueVersion": self.config.version,
            "WorkerType": self.config.worker_type,
            "NumberOfWorkers": self.config.workers,
            "MaxConcurrentRuns": self.config.runs_at_once,
            "Timeout": self.timeout_minutes,
            "MaxRetries": 0,
        }

    def read(self, client: Any) -> Document | None:
        """Return the definition as it is."""
        job = client.get_job(JobName=self.name)["Job"]
        same = ("Description", "Role", "GlueVersion", "WorkerType", "NumberOfWorkers", "Timeout", "MaxRetries")
        return {
            **{key: job.get(key) for key in same},
            "Description": job.get("Description", ""),
            "ScriptLocation": job["Command"].get("ScriptLocation"),
            "MaxConcurrentRuns": job.get("ExecutionProperty", {}).get("MaxConcurrentRuns"),
            "MaxRetries": job.get("MaxRetries", 0),
        }

    def conflict(self, current: Document) -> str:
        """Refuse a job of that name without our mark: it may be another program's."""
        return "" if current["Description"] == MADE_BY else "a job of this name exists that bootstrap did not make"

    def write(self, client: Any, target: Document) -> None:
        """Create or update it."""
        definition = {key: value for key, value in target.items() if key not in ("ScriptLocation", "MaxConcurrentRuns")}
        definition |= {
            "Command": {"Name": "glueetl", "ScriptLocation": target["ScriptLocation"], "PythonVersion": "3"},
            "ExecutionProperty": {"MaxConcurrentRuns": target["MaxConcurrentRuns"]},
        }
        if self._exists(client):
            client.update_job(JobName=self.name, JobUpdate=definition)
        else:
            client.create_job(Name=self.name, **definition)

    def _exists(self, client: Any) -> bool:
        try:
            client.get_job(JobName=self.name)
        except client.exceptions.EntityNotFoundException:
            return False
        return True


def spark_resources(bucket: str, config: LakeConfig) -> Iterator[Resource]:
    """Yield what bootstrap makes for Spark. Kubernetes gets the job file only."""
    spark = config.spark
    if spark is None:
        return
    yield SparkJobFile(bucket)
    if spark.emr_serverless:
        yield EmrApplication(spark.emr_serverless.name or bucket, spark.emr_serverless)
    if spark.glue:
        yield GlueSparkJob(spark.glue.name or bucket, spark.glue, bucket, spark.timeout_minutes)
