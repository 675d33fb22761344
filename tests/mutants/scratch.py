"""A copy of the work tree in which faults are planted; the work tree itself is never changed."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.mutants.planted import SOURCES, Fault

_FAILED = re.compile(r"^FAILED (\S+)", re.MULTILINE)
# pytest ends the test that waits for ever; the outer limit is for a process that does not end at all.
_TEST_SECONDS, _SESSION_SECONDS = 120, 600

Outcome = Literal["found", "survived", "broken"]


@dataclass(frozen=True)
class Verdict:
    """The outcome of one fault. `by` is the test that failed; of a broken run, the end of its output."""

    fault: Fault
    outcome: Outcome
    by: str
    seconds: float

    @property
    def noticed_by(self) -> tuple[str, ...]:
        """Return the tests that noticed the fault, or could have: all cases of a function."""
        return (self.by.partition("[")[0],) if "::" in self.by and self.outcome == "found" else self.fault.tests


@dataclass(frozen=True)
class Scratch:
    """One copy of the project; two copies run side by side."""

    root: Path

    @classmethod
    def of(cls, project: Path, root: Path) -> "Scratch":
        """Copy the files of a project that git knows or would add."""
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=project, capture_output=True, check=True).stdout.decode().split("\0")
        for name in filter(None, names):
            if (project / name).is_file():  # a deleted file is listed until its deletion is committed
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(project / name, root / name)
        # Compiled files are compared by hash: a fault of the same length, planted within a second, is recompiled.
        folders = [str(root / source) for source in SOURCES]
        subprocess.run(
            [sys.executable, "-m", "compileall", "-qq", "--invalidation-mode", "checked-hash", *folders], check=True
        )
        return cls(root)

    def pytest(self, *arguments: str, seconds: float = _SESSION_SECONDS) -> subprocess.CompletedProcess[str]:
        """Run pytest on the copy, and end it after so many seconds."""
        path = os.pathsep.join(str(self.root / source) for source in SOURCES)
        # A session takes other users' rights to the common temporary folder back, which a PostgreSQL of another session needs.
        temporary = self.root / ".local" / "tests"
        temporary.mkdir(parents=True, exist_ok=True)
        own = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DEBUG_TEMPROOT": str(temporary)}
        environment = {**os.environ, **own}
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-rf",
            "-p",
            "no:cacheprovider",
            "--hypothesis-profile=mutants",
        ]
        return subprocess.run(
            [*command, f"--timeout={_TEST_SECONDS}", *arguments],
            cwd=self.root, env=environment, capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip

    def failing(self, tests: Sequence[str], workers: int) -> set[str]:
        """Return those of the tests, named without their cases, that fail on the copy as it is."""
        if not tests:
            return set()
        # They take minutes together, and longer beside other work; pytest still ends each test that waits for ever.
        ran = self.pytest("-n", str(workers), *tests, seconds=6 * 3600)
        if ran.returncode and not _FAILED.search(ran.stdout):  # a server that did not start: nothing is known
            return set(tests)
        failed = {name.partition("[")[0] for name in _FAILED.findall(ran.stdout)}
        return {test for test in tests if any(name.startswith(test) for name in failed)}

    def judge(self, fault: Fault) -> Verdict:
        """Plant a fault, run its tests, and take it out again."""
        path, started = fault.path(self.root), time.monotonic()
        source = path.read_text()
        path.write_text(fault.mutated(source))
        try:
            ran = self.pytest("-x", *fault.tests)
        except subprocess.TimeoutExpired:
            return Verdict(fault, "found", f"the tests did not end in {_SESSION_SECONDS} s", _SESSION_SECONDS)
        finally:
            path.write_text(source)
        seconds = time.monotonic() - started
        if ran.returncode == 0:
            return Verdict(fault, "survived", "", seconds)
        if found := _FAILED.search(ran.stdout):
            return Verdict(fault, "found", found.group(1), seconds)
        # An error outside a test (a server that did not start, a text that is no Python) is no proof.
        return Verdict(fault, "broken", (ran.stdout + ran.stderr)[-2000:], seconds)
