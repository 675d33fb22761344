"""Findings of an audit."""

from dataclasses import dataclass, field
from typing import Any

from lakeworks.errors import AuditFailed


@dataclass(frozen=True)
class Failure:
    """One failed check."""

    expectation: str
    columns: tuple[str, ...]
    severity: str
    unexpected: int
    rows: int
    samples: tuple[dict[str, Any], ...]
    observed: Any = None

    def __str__(self) -> str:
        """Return one line for a log: check, column, count and sample rows."""
        place = f" on {', '.join(f'`{name}`' for name in self.columns)}" if self.columns else ""
        seen = f"{self.unexpected} of {self.rows} rows" if self.unexpected else f"observed {self.observed}"
        samples = f"; for example {'; '.join(map(str, self.samples))}" if self.samples else ""
        return f"{self.severity}: {self.expectation}{place}: {seen}{samples}"


@dataclass(frozen=True)
class AuditReport:
    """Findings of Great Expectations."""

    table: str
    rows: int
    evaluated: int
    failures: tuple[Failure, ...]
    seconds: float
    pages: tuple[Any, ...] = field(default=(), repr=False)

    @property
    def passed(self) -> bool:
        """Return True if nothing of severity `error` failed."""
        return not any(failure.severity == "error" for failure in self.failures)

    def summary(self) -> dict[str, Any]:
        """Return the summary that the ledger stores."""
        warned = sum(failure.severity == "warn" for failure in self.failures)
        return {"passed": self.passed, "expectations": self.evaluated, "warnings": warned, "rows": self.rows}

    def raise_if_failed(self, where: str, report: str) -> None:
        """Raise an error unless the audit passed.

        Raises:
            AuditFailed: the message names every failed check with counts and sample rows.
        """
        if not self.passed:
            lines = "\n".join(f"  - {failure}" for failure in self.failures)
            raise AuditFailed(
                f"{where}: the audit failed. Nothing was published; live data is unchanged.\n{lines}\nThe report is at "
                f"`{report}`. The staged rows stay for inspection until the lifecycle removes them. Correct the "
                "source, the transform or the contract, then run the partition again."
            )
