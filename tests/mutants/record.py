"""A file of faults that tests found, so that a run that was stopped goes on, and a changed module is judged again."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mutants.planted import Fault
from tests.mutants.scratch import Verdict


@dataclass(frozen=True)
class Record:
    """The faults found so far. A line holds for a fault as long as its text, its module and its test files are the same."""

    path: Path
    root: Path

    def found(self, fault: Fault) -> bool:
        """Return whether a test found this fault in this code; a survivor is judged again."""
        return self._key(fault) in {line["key"] for line in self._lines()}

    def add(self, verdict: Verdict) -> None:
        """Keep a fault that was found."""
        if verdict.outcome != "found":
            return
        line = {"key": self._key(verdict.fault), "name": verdict.fault.name, "by": verdict.by, "seconds": round(verdict.seconds, 1)}  # fmt: skip
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _key(self, fault: Fault) -> str:
        files = [fault.path(self.root), *(self.root / test.partition("::")[0] for test in fault.tests)]
        parts = [fault.name, fault.text, fault.becomes, *fault.tests, *(file.read_text() for file in files)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _lines(self) -> Iterator[dict[str, Any]]:
        # A run that was killed leaves a half line; its fault is judged again.
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            try:
                yield json.loads(line)
            except ValueError:
                continue
