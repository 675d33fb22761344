"""`make simulate`: play histories, print what they showed, and the shortest story of every kind of violation."""

import argparse
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.simulation import campaign
from tests.simulation.branch_faults import EVERY_FAULT
from tests.simulation.history import History
from tests.simulation.running import Tally, run_on, simulation
from tests.simulation.scenario import draw
from tests.simulation.story import story_of


@dataclass(frozen=True)
class Histories:
    """Which histories are played, and by how many processes."""

    seeds: range
    processes: int
    without: frozenset[str]
    log: Path | None = None

    def play(self) -> Tally:
        """Play them all; with a log, those that it does not hold yet."""
        if self.log:
            return campaign.play(self.log, self.seeds, self.processes)
        return run_on(self.processes, self.seeds, self.without)

    def show(self) -> int:
        """Play them, print what they showed and the shortest story of each kind of violation; 1 if there was any."""
        tally = self.play()
        hourly = tally.histories / tally.seconds * 3600
        print(
            f"{tally.histories:,} histories, {tally.requests:,} requests, {tally.killed:,} processes killed, {tally.reads:,} reads, {tally.views:,} of whole runs, "
            f"{tally.seconds:.0f} s ({hourly:,.0f} an hour; {tally.processor / tally.histories * 1000:.1f} ms of processor each); "
            f"catalog behind for a while in {tally.catalog_behind:,}; violated in {tally.kinds.total():,}"
        )
        for kind, count in tally.kinds.most_common():
            print(f"\n{count:,} times {kind}")
            self.tell(tally.seeds[kind])
        return int(bool(tally.kinds))

    def tell(self, seed: int) -> int:
        """Print the story of one seed; 1 if it violates anything."""
        with simulation():
            outcome = History(draw(seed, self.without)).play()
            print(story_of(outcome) if outcome.violation else f"seed {seed}: nothing is wrong")
        return int(outcome.violation is not None)

    def count_faults(self) -> int:
        """Plant each fault and play its theme's histories; print how many it takes to find it, and return 1 if one is not."""
        missed = 0
        for name, fault in EVERY_FAULT.items():
            with simulation(), fault.planted():
                played = (History(draw(seed, self.without, fault.about)).play() for seed in self.seeds)
                found = next(((number, item) for number, item in enumerate(played, 1) if item.violation), None)
            missed += found is None
            says = f"{found[0]} | {found[1].violation.kind}" if found and found[1].violation else "not found"
            print(f"{name} | {fault.finding} | {fault.says} | {fault.about or 'all'} | {says}", flush=True)
        print(f"{len(EVERY_FAULT) - missed} of {len(EVERY_FAULT)} found within {len(self.seeds):,} histories each")
        return int(missed > 0)


def main() -> int:
    """Run the simulation; 1 if anything was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="the first seed; a history is reproduced by its own")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--story", type=int, help="only play this seed and print its story")
    parser.add_argument("--fault", choices=[*EVERY_FAULT, "all"], help="take a cure out first")
    parser.add_argument(
        "--without", action="append", default=[], help="a kind of process to leave out; may be repeated"
    )
    parser.add_argument("--log", type=Path, help="a file of slices: histories that it holds are not played again")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.histories)
    histories = Histories(seeds, options.processes, frozenset(options.without), options.log)
    if options.fault == "all":
        return histories.count_faults()
    with ExitStack() as stack:
        if options.fault:
            stack.enter_context(EVERY_FAULT[options.fault].planted())
        return histories.show() if options.story is None else histories.tell(options.story)


if __name__ == "__main__":
    sys.exit(main())
