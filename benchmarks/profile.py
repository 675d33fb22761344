"""`make profile CASE=pipeline`: where the CPU seconds of one case go, by step, by function and by request.

It runs the case once, in this process, at a tenth of the rows. The profiler's clock is CPU time, so a busy machine and waiting
cost nothing. The profiler sees the main thread only, and makes Python's calls dearer. Only boto3's requests are counted.

With `FLAME=file.svg`, py-spy samples every thread from outside instead, native code too, and draws a flame graph.
"""

import argparse
import cProfile
import os
import pstats
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.__main__ import MODULES, QUICK, place_of
from benchmarks.case import Case, Place

_LINES = 25
_ATTACH_SECONDS = 2


@dataclass(frozen=True)
class CountingPlace(Place):
    """A place whose clients count their requests by operation."""

    requests: Counter[str] = field(default_factory=Counter)

    def client(self, service: str = "s3", connections: int = 32, **config: Any) -> Any:
        """A boto3 client of the endpoint that counts."""
        client = super().client(service, connections, **config)
        client.meta.events.register(
            "before-send", lambda event_name, **_: self.requests.update([event_name.split(".", 1)[1]])
        )
        return client


def main() -> int:
    """Profile the product's contestant of one case."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    cases = {case.name: case for module in MODULES for case in import_module(module).CASES if case.ours in case.entries}
    parser.add_argument("case", choices=sorted(cases))
    parser.add_argument("--flame", type=Path, help="an SVG file for a flame graph of all threads")
    options = parser.parse_args()
    case = cases[options.case]
    with place_of(case, QUICK.get(case.data, 0) * case.scale) as place:
        _profile(
            case, replace(place, prefix=f"{case.name}/{uuid.uuid4().hex[:8]}", options=case.options), options.flame
        )
    return 0


def _profile(case: Case, place: Place, flame: Path | None) -> None:
    counting = CountingPlace(**place.as_dict())
    step = case.entries[case.ours].run(counting)
    counting.requests.clear()
    profiler = cProfile.Profile(time.process_time)
    before = time.process_time()
    with _sampled(flame) if flame else nullcontext():
        facts = step() if flame else profiler.runcall(step)
    print(f"{case.title}\n\n{time.process_time() - before:8.2f} CPU s  the whole process")
    for name, seconds in (facts.get("cpu") or {}).items() if isinstance(facts, dict) else ():
        print(f"{seconds:8.2f} CPU s  {name}")
    for name, count in counting.requests.most_common():
        print(f"{count:8,} requests  {name}")
    if flame:
        print(f"\nThe flame graph is {flame.absolute()}")
    else:
        pstats.Stats(profiler, stream=sys.stdout).strip_dirs().sort_stats("tottime").print_stats(_LINES)


@contextmanager
def _sampled(flame: Path) -> Iterator[None]:
    """Let py-spy sample this process. It is no dependency: uv fetches it."""
    py_spy = [Path(sys.executable).with_name("uv"), "tool", "run", "py-spy"]
    subprocess.run([*py_spy, "--version"], check=True, stdout=subprocess.DEVNULL)
    record = ["record", "--native", "--rate", "200", "--output", flame, "--pid", str(os.getpid())]
    with subprocess.Popen([*py_spy, *record], stdout=subprocess.DEVNULL) as spy:
        time.sleep(_ATTACH_SECONDS)
        try:
            yield
        finally:
            spy.send_signal(signal.SIGINT)
    if not flame.exists():
        sys.exit(f"py-spy wrote no {flame} (exit {spy.returncode}); its own words are above.")


if __name__ == "__main__":
    sys.exit(main())
