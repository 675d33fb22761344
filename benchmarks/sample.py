"""One sample in a process of its own: prepare, run once with the clock on, print a line of JSON."""

import gc
import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.case import Case, Place


def measure(case: Case, contestant: str, place: Place) -> dict[str, Any]:
    """Wall and CPU seconds of the timed step, and the process's peak memory while it ran."""
    step = case.entries[contestant].run(place)
    gc.collect()
    forget_peak()
    before, resident = os.times(), status("VmRSS")
    started = time.perf_counter()
    facts = step()
    seconds = time.perf_counter() - started
    after = os.times()
    cpu = (after.user - before.user) + (after.system - before.system)
    return {
        "seconds": seconds,
        "cpu": cpu,
        "peak_mb": status("VmHWM"),
        "input_mb": resident,
        "facts": facts if isinstance(facts, dict) else {},
    }


def forget_peak() -> None:
    """Linux resets VmHWM to the present size on a 5."""
    Path("/proc/self/clear_refs").write_text("5")


def status(field: str) -> float:
    """A memory figure of this process by its name in /proc, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


def main() -> None:
    """`python -m benchmarks.sample <module> <case> <contestant> <place as JSON>`."""
    module, name, contestant, place = sys.argv[1:]
    case = next(case for case in import_module(module).CASES if case.name == name)
    print(json.dumps(measure(case, contestant, Place(**json.loads(place)))))


if __name__ == "__main__":
    main()
