"""Running many histories: under the seams of the simulation, on several processes, with the violations counted by kind."""

import gc
import logging
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from unittest.mock import patch

from lakeworks.maintenance import compaction
from lakeworks.s3 import multipart
from tests.simulation import actors, clock
from tests.simulation.history import History, Outcome
from tests.simulation.memory import remembering
from tests.simulation.scenario import draw

_PARTS_OF_A_PROCESS = 25
_SEAMS = ExitStack()  # of a process that plays parts of a campaign


@dataclass
class Tally:
    """What many histories showed."""

    histories: int = 0
    requests: int = 0
    reads: int = 0
    views: int = 0  # of all days at once, by a reader that sees runs whole or not at all
    killed: int = 0
    catalog_behind: int = 0  # histories in which the catalog showed an older publication for a while
    kinds: Counter[str] = field(default_factory=Counter)
    seeds: dict[str, int] = field(default_factory=dict)  # the first seed of each kind of violation
    seconds: float = 0.0
    processor: float = 0.0
    first: int = 0  # the first seed

    def count(self, outcome: Outcome) -> None:
        """Add one history."""
        self.histories += 1
        self.requests += outcome.requests
        self.reads += outcome.reads
        self.views += outcome.views
        self.killed += outcome.killed
        self.catalog_behind += outcome.behind > 0
        if outcome.violation:
            self.kinds[outcome.violation.kind] += 1
            self.seeds.setdefault(outcome.violation.kind, outcome.scenario.seed)

    def add(self, other: "Tally") -> None:
        """Add the histories of another process."""
        for name in ("histories", "requests", "reads", "views", "killed", "catalog_behind", "processor"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.kinds += other.kinds
        for kind, seed in other.seeds.items():
            self.seeds[kind] = min(seed, self.seeds.get(kind, seed))


@contextmanager
def simulation() -> Iterator[None]:
    """The seams: virtual time, in-line threads, and compactions that rewrite by Arrow."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)  # what processes complain of is what the histories do to them
    single = multipart.SINGLE_REQUEST_BYTES
    rewritten = actors.rewritten(lambda: History.current.world)
    try:
        with clock.installed(), remembering(), patch.object(compaction, "_write", rewritten):
            yield
    finally:
        logging.disable(before)
        multipart.SINGLE_REQUEST_BYTES = single


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Let cyclic garbage of histories grow before it is collected: looking for it took a tenth of the time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def run(seeds: range, without: frozenset[str] = frozenset()) -> Tally:
    """Play the histories of some seeds."""
    with simulation(), _collecting_seldom():
        return _play(seeds, without)


def _play(seeds: range, without: frozenset[str]) -> Tally:
    tally, began = Tally(first=seeds.start), time.process_time()
    for seed in seeds:
        tally.count(History(draw(seed, without)).play())
    tally.processor = time.process_time() - began
    return tally


def parts(processes: int, seeds: Sequence[range], without: frozenset[str] = frozenset()) -> Iterator[Tally]:
    """Play parts of a campaign on several processes, and yield what each showed when it is over.

    A process keeps the seams and what it remembers from part to part. After some parts a new one takes its place, because
    `_collecting_seldom` leaves some garbage for good.
    """
    with multiprocessing.get_context("fork").Pool(processes, _enter, maxtasksperchild=_PARTS_OF_A_PROCESS) as pool:
        yield from pool.imap_unordered(partial(_play, without=without), seeds)


def _enter() -> None:
    """Bring a process into the simulation, for its life."""
    _SEAMS.enter_context(simulation())
    _SEAMS.enter_context(_collecting_seldom())


def run_on(processes: int, seeds: range, without: frozenset[str] = frozenset()) -> Tally:
    """Play the histories of some seeds on several processes."""
    began, tally = time.monotonic(), Tally()
    for part in parts(processes, [seeds[start : start + 50] for start in range(0, len(seeds), 50)], without):
        tally.add(part)
    tally.seconds = time.monotonic() - began
    return tally
