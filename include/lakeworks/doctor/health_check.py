"""Checks and their diagnoses, and the examination that runs one check after the other."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lakeworks.errors import LakeError

HealthState = Literal["ok", "warning", "failure", "skipped"]


@dataclass(frozen=True)
class Diagnosis:
    """The result of one check. `unproven` says what the check would show on AWS only, if the endpoint is not AWS."""

    state: HealthState
    detail: str
    remedy: str = ""
    unproven: str = ""


@dataclass(frozen=True)
class HealthCheck:
    """One check. It is skipped if a check that it `needs` failed. `remedy` belongs to errors that the check raises."""

    name: str
    run: Callable[[], Diagnosis]
    remedy: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Examined:
    """A check's name with its diagnosis."""

    check: str
    diagnosis: Diagnosis

    def as_dict(self) -> dict[str, Any]:
        """Return a row for `--json`."""
        return {"check": self.check, **asdict(self.diagnosis)}


def examine(checks: Iterable[HealthCheck]) -> Iterator[Examined]:
    """Run the checks in order and yield each diagnosis at once.

    A check that cannot be made is a failure with the error's words. It never stops the others.
    """
    failed: set[str] = set()
    for check in checks:
        missing = [name for name in check.needs if name in failed]
        if missing:
            failed.add(check.name)  # what needs it is skipped too
            yield Examined(check.name, Diagnosis("skipped", f"not checked: `{missing[0]}` failed"))
            continue
        try:
            diagnosis = check.run()
        except LakeError as error:
            diagnosis = Diagnosis("failure", str(error), check.remedy)
        if diagnosis.state == "failure":
            failed.add(check.name)
        yield Examined(check.name, diagnosis)
