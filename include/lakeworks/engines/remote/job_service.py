"""Services that run the job file elsewhere: what a build needs of each, whatever the service."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from lakeworks.ledger.build_plan import BuildPlan


@dataclass(frozen=True)
class JobName:
    """Name of one attempt's job. Attempts of one build share the first part."""

    build: str
    attempt: int

    @classmethod
    def of(cls, plan: BuildPlan) -> "JobName":
        """Return the name for a plan: a digest, because services limit length and characters."""
        build, _, attempt = plan.prefix.removesuffix("/").rpartition(".")
        return cls(hashlib.sha256(build.encode()).hexdigest()[:32], int(attempt))

    @classmethod
    def parse(cls, text: str) -> "JobName | None":
        """Return the name; None for a job of someone else."""
        mark, build, attempt = (*text.split("-"), "", "")[:3]
        return cls(build, int(attempt)) if mark == "lakeworks" and len(build) == 32 and attempt.isdigit() else None

    def __str__(self) -> str:
        """`lakeworks-<digest>-<attempt>`: at most 63 characters, valid for each service."""
        return f"lakeworks-{self.build}-{self.attempt}"


@dataclass(frozen=True)
class JobEnd:
    """The end of a job. `reason` is the service's own text; empty after success."""

    succeeded: bool
    reason: str = ""
    timed_out: bool = False


class JobService(Protocol):
    """A service that runs the job file with the address of an order."""

    @property
    def scheme(self) -> str:
        """Return the scheme under which its Spark reads S3."""

    def describe(self) -> str:
        """Return what it is, for a person.

        Raises:
            ConfigError: it is not there.
        """

    def submit(self, name: JobName, order: str) -> str:
        """Start a job and return its id. A repeated request for one name does not start two, where the service can tell."""

    def active(self) -> Iterable[tuple[JobName, str]]:
        """Return name and id of the jobs of lakeworks that have not ended."""

    def end_of(self, job: str) -> JobEnd | None:
        """Return the end of a job; None while it waits or runs."""

    def cancel(self, job: str) -> None:
        """Cancel a job. One that has ended is no error."""

    def by_hand(self, job: str) -> str:
        """Return the command with which a person cancels a job."""
