"""EMR Serverless: jobs in one application. A client token makes a repeated start the same job."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lakeworks.aws_errors import translated
from lakeworks.engines.remote.job_service import JobEnd, JobName
from lakeworks.errors import ConfigError, LakeNotFound, RequestRefused

_ACTIVE = ("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "QUEUED")
_ENDS = ("SUCCESS", "FAILED", "CANCELLED")
# Applications in other states take no job, and may have the name of one that does.
_USABLE = ("CREATING", "CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED")


def application_id(client: Any, name: str) -> str | None:
    """Return the id of the application of that name; None if there is none. Names are not unique: the newest counts."""
    with translated("find the EMR Serverless application", name):
        pages = client.get_paginator("list_applications").paginate(states=list(_USABLE))
        found = [one for page in pages for one in page["applications"] if one.get("name") == name]
    return str(max(found, key=lambda one: one["createdAt"])["id"]) if found else None


@dataclass(frozen=True)
class EmrServerless:
    """The jobs of one application. The client is boto3's."""

    client: Any
    application: str
    role_arn: str
    job_file: str
    timeout_minutes: int = 360
    spark_conf: Mapping[str, str] = field(default_factory=dict)
    scheme: str = field(default="s3", init=False)

    @cached_property
    def id(self) -> str:
        """The application's id.

        Raises:
            ConfigError: there is no such application.
        """
        found = application_id(self.client, self.application)
        if found is None:
            raise ConfigError(
                f"There is no EMR Serverless application `{self.application}`. No job was started. Run: lakeworks bootstrap"
            )
        return found

    def describe(self) -> str:
        """Return the application's name and id."""
        return f"EMR Serverless application `{self.application}` ({self.id})"

    def submit(self, name: JobName, order: str) -> str:
        """Start a job; with the same name again it is the same job."""
        submit: dict[str, Any] = {"entryPoint": self.job_file, "entryPointArguments": ["--order", order]}
        if self.spark_conf:
            submit["sparkSubmitParameters"] = " ".join(
                f"--conf {key}={value}" for key, value in self.spark_conf.items()
            )
        with translated("start a job in the EMR Serverless application", self.application):
            answer = self.client.start_job_run(
                applicationId=self.id,
                clientToken=str(name),
                name=str(name),
                executionRoleArn=self.role_arn,
                executionTimeoutMinutes=self.timeout_minutes,
                jobDriver={"sparkSubmit": submit},
            )
        return str(answer["jobRunId"])

    def active(self) -> Iterator[tuple[JobName, str]]:
        """Yield the jobs that have not ended."""
        with translated("list the jobs of the EMR Serverless application", self.application):
            pages = self.client.get_paginator("list_job_runs").paginate(applicationId=self.id, states=list(_ACTIVE))
            runs = [run for page in pages for run in page["jobRuns"]]
        for run in sorted(runs, key=lambda one: one["createdAt"]):
            if name := JobName.parse(run.get("name") or ""):
                yield name, str(run["id"])

    def end_of(self, job: str) -> JobEnd | None:
        """Return the end of a job; None while it waits or runs."""
        with translated("look at the EMR Serverless job", job):
            run = self.client.get_job_run(applicationId=self.id, jobRunId=job)["jobRun"]
        if run["state"] not in _ENDS:
            return None
        reason = str(run.get("stateDetails") or run["state"]).rstrip(". ")
        return JobEnd(run["state"] == "SUCCESS", reason, timed_out="timeout" in reason.lower().replace(" ", ""))

    def cancel(self, job: str) -> None:
        """Cancel a job; AWS refuses it for one that has ended."""
        try:
            with translated("cancel the EMR Serverless job", job):
                self.client.cancel_job_run(applicationId=self.id, jobRunId=job)
        except (LakeNotFound, RequestRefused):
            if self.end_of(job) is None:
                raise

    def by_hand(self, job: str) -> str:
        """Return the AWS command that cancels it."""
        return f"aws emr-serverless cancel-job-run --application-id {self.id} --job-run-id {job}"
