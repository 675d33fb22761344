"""Many histories in slices: what each slice showed is a line of a file, so that a run that was stopped goes on where it was."""

import json
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.simulation.running import Tally, parts

SLICE = 200


def play(log: Path, seeds: range, processes: int) -> Tally:
    """Play those slices of the seeds that the file does not hold yet, and return what all slices of the file showed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    done = {line["first"] for line in _lines(log)}
    firsts = [first for first in range(seeds.start, seeds.stop, SLICE) if first not in done]
    began = time.monotonic()
    for tally in parts(processes, [range(first, min(first + SLICE, seeds.stop)) for first in firsts]):
        now = time.monotonic()
        tally.seconds, began = now - began, now  # of the campaign, whose slices are played side by side
        with log.open("a") as file:
            file.write(json.dumps({**asdict(tally), "kinds": dict(tally.kinds)}) + "\n")
    return total(log)


def total(log: Path) -> Tally:
    """Sum the slices of a file."""
    whole = Tally()
    for line in _lines(log):
        seconds = line["seconds"]
        part = Tally(**line)
        part.kinds = Counter(line["kinds"])
        whole.add(part)
        whole.seconds += seconds
    return whole


def _lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
