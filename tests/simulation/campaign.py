"""Many histories in slices: what each slice showed is a line of a file, so that a run that was stopped goes on where it was."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.simulation.running import Tally, run_on

SLICE = 200


def play(log: Path, seeds: range, processes: int) -> Tally:
    """Play those slices of the seeds that the file does not hold yet, and return what all slices of the file showed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    done = {line["first"] for line in _lines(log)}
    for first in range(seeds.start, seeds.stop, SLICE):
        if first in done:
            continue
        tally = run_on(processes, range(first, min(first + SLICE, seeds.stop)))
        with log.open("a") as file:
            file.write(json.dumps({"first": first, **asdict(tally), "kinds": dict(tally.kinds)}) + "\n")
    return total(log)


def total(log: Path) -> Tally:
    """Sum the slices of a file."""
    whole = Tally()
    for line in _lines(log):
        del line["first"]
        seconds = line["seconds"]
        part = Tally(**line)
        part.kinds = Counter(line["kinds"])
        whole.add(part)
        whole.seconds += seconds
    return whole


def _lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
