"""Outcome of a load: each file with its outcome, and the publications."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lakeworks.core.file_selection import LeftOut
from lakeworks.ledger.run_record import RunRecord
from lakeworks.loading.file_check import FileCheck

# `ready`: it fits the contract and was not sent yet.
State = Literal["loaded", "same", "failed", "ready"]


@dataclass(frozen=True)
class FileOutcome:
    """One file and its outcome."""

    check: FileCheck
    state: State
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as a row for people and programs."""
        return {
            "file": self.check.file.name,
            "outcome": self.state,
            "rows": self.check.rows,
            "bytes": self.check.size,
            "quarantined": self.check.counts["quarantined"],
            "why": self.why,
        }


@dataclass(frozen=True)
class LoadReport:
    """A load of one period."""

    table: str
    period: str
    files: Sequence[FileOutcome]
    left_out: Sequence[LeftOut] = ()
    record: RunRecord | None = None
    inbox: str = ""

    @property
    def failed(self) -> bool:
        """Return True if a file was not loaded."""
        return any(item.state == "failed" for item in self.files)

    @property
    def counts(self) -> dict[str, int]:
        """Files by what became of them."""
        states = Counter(item.state for item in self.files)
        return {state: states[state] for state in ("loaded", "same", "failed", "ready") if states[state]}
