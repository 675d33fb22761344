"""Interleaved rounds: every contestant once, then every contestant again; each sample in a fresh process."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.case import Case, Place

ROOT = Path(__file__).parent.parent
PEERS = ROOT / ".venv-bench/bin/python"
_LIMIT_SECONDS = 300  # for a case of the usual size; in proportion for larger ones
_LONG_SECONDS = 60  # who takes longer is sampled once


@dataclass
class Samples:
    """What one contestant did, by round; `failed` holds the reason where it did not finish."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    failed: str = ""

    def middle(self, name: str) -> float:
        """The median over the rounds."""
        return median(run[name] for run in self.runs)


def save(path: Path, rows: int, found: Mapping[str, Samples]) -> None:
    """Keep a case's samples, so that one case can be measured again and the page still shows all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"rows": rows, "samples": {name: asdict(samples) for name, samples in found.items()}}))


def merged(old: Mapping[str, Samples], new: Mapping[str, Samples]) -> Mapping[str, Samples]:
    """The samples of both; a contestant that failed lately has failed."""
    both = {name: Samples([*samples.runs], samples.failed) for name, samples in old.items()}
    for name, samples in new.items():
        before = both.get(name, Samples()).runs
        both[name] = Samples([*before, *samples.runs], samples.failed)
    return both


def load(path: Path) -> tuple[int, Mapping[str, Samples]]:
    """What `save` kept."""
    kept = json.loads(path.read_text())
    return kept["rows"], {name: Samples(**samples) for name, samples in kept["samples"].items()}


def run_case(
    case: Case, module: str, place: Place, rounds: int, check: Callable[[Case, Place, Mapping[str, Any]], str]
) -> Mapping[str, Samples]:
    """Sample every contestant `rounds` times, a slow one once; one that fails, or leaves a wrong answer, is out."""
    found = {name: Samples() for name in case.entries}
    for number in range(rounds):
        together = uuid.uuid4().hex[:8]
        for name, samples in found.items():
            if samples.failed or (samples.runs and samples.runs[0]["seconds"] > _LONG_SECONDS):
                continue
            at = replace(place, prefix=f"{case.name}/{uuid.uuid4().hex[:8]}", options=case.options)
            try:
                samples.runs.append({**_sample(case, module, name, at), "round": together})
                samples.failed = check(case, at, samples.runs[-1]["facts"])
            except (subprocess.SubprocessError, ValueError) as error:
                samples.failed = _reason(error)
            latest = samples.failed or "{seconds:.2f} s, {peak_mb:.0f} MB".format(**samples.runs[-1])
            print(f"  round {number + 1}, {name}: {latest}", file=sys.stderr, flush=True)
    return found


def _sample(case: Case, module: str, name: str, place: Place) -> dict[str, Any]:
    python = str(PEERS) if case.entries[name].peer else sys.executable
    done = subprocess.run(
        [python, "-m", "benchmarks.sample", module, case.name, name, json.dumps(place.as_dict())],
        cwd=ROOT, capture_output=True, text=True, timeout=_LIMIT_SECONDS * case.scale, check=True,
        env={**os.environ, "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required", "AWS_EC2_METADATA_DISABLED": "true"},
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"not done after {error.timeout:.0f} s"
    if isinstance(error, subprocess.CalledProcessError):
        return (error.stderr.strip().splitlines() or ["no output"])[-1][:160]
    return str(error)
