"""`make simulate`: play histories, print what they showed, and the shortest story of every kind of violation."""

import argparse
import sys

from tests.simulation.history import History
from tests.simulation.running import run_on, simulation
from tests.simulation.scenario import draw
from tests.simulation.story import story_of


def main() -> int:
    """Run the simulation; 1 if anything was violated."""
    parser = argparse.ArgumentParser(
        description="Simulate publishing, maintenance and readers over an in-memory S3 and Glue."
    )
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="the first seed; a history is reproduced by its own")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--story", type=int, help="only play this seed and print its story")
    arguments = parser.parse_args()
    if arguments.story is not None:
        return _tell(arguments.story)
    tally = run_on(arguments.processes, range(arguments.seed, arguments.seed + arguments.histories))
    hourly = tally.histories / tally.seconds * 3600
    print(
        f"{tally.histories:,} histories, {tally.requests:,} requests, {tally.killed:,} processes killed, {tally.reads:,} reads, "
        f"{tally.seconds:.0f} s ({hourly:,.0f} an hour); catalog behind for a while in {tally.catalog_behind:,}; "
        f"violated in {tally.kinds.total():,}"
    )
    for kind, count in tally.kinds.most_common():
        print(f"\n{count:,} times {kind}")
        _tell(tally.seeds[kind])
    return int(bool(tally.kinds))


def _tell(seed: int) -> int:
    with simulation():
        outcome = History(draw(seed)).play()
        print(story_of(outcome) if outcome.violation else f"seed {seed}: nothing is wrong")
    return int(outcome.violation is not None)


if __name__ == "__main__":
    sys.exit(main())
