"""Glue: runs of one job. Glue has no client token, so a repeated start looks for the run by an argument first."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lakeworks.aws_errors import translated
from lakeworks.engines.remote.job_service import JobEnd, JobName
from lakeworks.errors import ConfigError, LakeNotFound, LakeUnavailable

_NAME = "--lakeworks-job"
_ENDS = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED")
_MOST_RUNS = 200  # one page, newest first: more jobs than Glue runs at once by default


@dataclass(frozen=True)
class GlueJobRuns:
    """The runs of one job. The client is boto3's."""

    client: Any
    job: str
    timeout_minutes: int = 360
    scheme: str = field(default="s3", init=False)

    def describe(self) -> str:
        """Return the job's name.

        Raises:
            ConfigError: there is no such job.
        """
        try:
            with translated("look at the Glue job", self.job):
                self.client.get_job(JobName=self.job)
        except LakeNotFound as error:
            raise self._missing() from error
        return f"Glue job `{self.job}`"

    def _missing(self) -> ConfigError:
        return ConfigError(f"There is no Glue job `{self.job}`. No job was started. Run: lakeworks bootstrap")

    def submit(self, name: JobName, order: str) -> str:
        """Start a run.

        Raises:
            ConfigError: there is no such job.
        """
        try:
            with translated("start a run of the Glue job", self.job):
                answer = self.client.start_job_run(
                    JobName=self.job, Arguments={"--order": order, _NAME: str(name)}, Timeout=self.timeout_minutes
                )
        except LakeNotFound as error:
            raise self._missing() from error
        return str(answer["JobRunId"])

    def active(self) -> Iterator[tuple[JobName, str]]:
        """Yield the runs that have not ended, oldest first."""
        try:
            with translated("list the runs of the Glue job", self.job):
                runs = self.client.get_job_runs(JobName=self.job, MaxResults=_MOST_RUNS)["JobRuns"]
        except LakeNotFound:
            return  # `submit` says it better
        for run in sorted(runs, key=lambda one: one["StartedOn"]):
            name = JobName.parse(run.get("Arguments", {}).get(_NAME, ""))
            if name and run["JobRunState"] not in _ENDS:
                yield name, str(run["Id"])

    def end_of(self, job: str) -> JobEnd | None:
        """Return the end of a run; None while it waits or runs."""
        with translated("look at the Glue run", job):
            run = self.client.get_job_run(JobName=self.job, RunId=job)["JobRun"]
        state = run["JobRunState"]
        if state not in _ENDS:
            return None
        reason = str(run.get("ErrorMessage") or state).rstrip(". ")
        return JobEnd(state == "SUCCEEDED", reason, timed_out=state == "TIMEOUT")

    def cancel(self, job: str) -> None:
        """Stop a run. Glue answers 200 and puts refusals into the answer.

        Raises:
            LakeUnavailable: it still runs, and Glue says why it was not stopped.
        """
        with translated("stop the Glue run", job):
            answer = self.client.batch_stop_job_run(JobName=self.job, JobRunIds=[job])
        errors = answer.get("Errors")
        if errors and self.end_of(job) is None:
            says = errors[0]["ErrorDetail"].get("ErrorMessage", "no reason given")
            raise LakeUnavailable(f"Could not stop the Glue run `{job}`: {says}.")

    def by_hand(self, job: str) -> str:
        """Return the AWS command that stops it."""
        return f"aws glue batch-stop-job-run --job-name {self.job} --job-run-ids {job}"
