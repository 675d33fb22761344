"""`make bench-compare`: measure cases again, and say which contestants' ratios to ours differ from docs/benchmarks.md.

For people, not a test: machines are noisy. A ratio is less so than seconds, because both sides ran in the same minute.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import median

from benchmarks.__main__ import FULL, MODULES, Check, place_of
from benchmarks.case import Case
from benchmarks.report import BEGIN, END
from benchmarks.rounds import ROOT, Samples, run_case

PAGE = ROOT / "docs/benchmarks.md"
# Below this, two runs of one program on one machine differ as much.
NOTABLE = 0.15
_ROW = re.compile(r"\| \**(?P<name>[^|*]+?)\** \| \d+ \| [^|]+\| [^|]*\| (?P<cpu>[\d.,]+) \|")


@dataclass(frozen=True)
class Change:
    """How much dearer ours has become in one case, compared with each peer: 0.2 is a fifth more CPU time."""

    case: str
    by_peer: Mapping[str, float]

    @property
    def middle(self) -> float:
        """The median over the peers, so that one peer's bad round decides nothing."""
        return median(self.by_peer.values())

    def line(self) -> str:
        """Return the change in words, with each peer's."""
        word = "slower" if self.middle > NOTABLE else "quicker" if self.middle < -NOTABLE else "as before"
        peers = ", ".join(f"{name} {change:+.0%}" for name, change in sorted(self.by_peer.items()))
        return f"{self.case}: {word} ({self.middle:+.0%} CPU time; against {peers})"


def stored(page: str) -> dict[str, dict[str, float]]:
    """Return the CPU seconds of the page's tables, by title and contestant."""
    tables = page.partition(BEGIN)[2].partition(END)[0]
    parts = (part.partition("\n") for part in re.split(r"^### ", tables, flags=re.MULTILINE)[1:])
    return {
        title: {row["name"]: float(row["cpu"].replace(",", "")) for row in _ROW.finditer(body)}
        for title, _, body in parts
    }


def change(case: Case, before: Mapping[str, float], found: Mapping[str, Samples]) -> Change | None:
    """Compare a case with the page; None if the page or the measurement lacks ours or every peer."""
    now = {name: samples.middle("cpu") for name, samples in found.items() if samples.runs and not samples.failed}
    peers = (now.keys() & before.keys()) - {case.ours}
    if case.ours not in now or case.ours not in before or not peers:
        return None
    return Change(
        case.name,
        {name: now[case.ours] / now[name] * before[name] / before[case.ours] - 1 for name in peers},
    )


def _cases(wanted: list[str]) -> Iterator[tuple[Case, str]]:
    for module in MODULES:
        yield from ((case, module) for case in import_module(module).CASES if not wanted or case.name in wanted)


def main() -> int:
    """Measure and compare; the page is not changed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("--case", action="append", default=[], help="only these")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    pages = stored(arguments.page.read_text())
    for case, module in _cases(arguments.case):
        rows = FULL.get(case.data, 0) * case.scale
        if not pages.get(case.title):
            continue  # steps of one contestant: there is no peer to compare with
        print(case.title, file=sys.stderr)
        with place_of(case, rows) as place:
            found = run_case(case, module, place, arguments.rounds, Check(rows))
        result = change(case, pages[case.title], found)
        print(result.line() if result else f"{case.name}: nothing to compare", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
