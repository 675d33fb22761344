"""One history: its scenario is played, readers look after every step, and at the end everything must be right."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from lakeworks.errors import LakeError, ObjectArchived
from lakeworks.ledger.run_record import RunRecord
from lakeworks.s3 import multipart
from tests.simulation import lifecycle, past
from tests.simulation.actors import night, work_of
from tests.simulation.aftermath import Aftermath
from tests.simulation.chooser import Chooser
from tests.simulation.readers import Readers, Violation
from tests.simulation.scenario import Phase, Scenario
from tests.simulation.scheduler import Decision, Fate, Process, Request
from tests.simulation.whole_runs import WholeRunReader
from tests.simulation.world import World

_SINGLE_REQUEST_BYTES = multipart.SINGLE_REQUEST_BYTES
_MOST_STEPS = 3000
_NIGHTS = timedelta(days=6)


@dataclass
class Step:
    """What one step did, for the story."""

    process: str
    operation: str
    arguments: dict[str, object]
    fate: Fate
    outcome: str
    numbers: dict[str, str]


@dataclass
class Outcome:
    """What became of a history."""

    scenario: Scenario
    decisions: list[Decision]
    violation: Violation | None = None
    steps: list[Step] = field(default_factory=list)
    reads: int = 0
    views: int = 0
    behind: int = 0
    requests: int = 0
    killed: int = 0


class History:
    """Plays one scenario, by decisions given or drawn from its seed."""

    current: "History"

    def __init__(self, scenario: Scenario, decisions: Sequence[Decision] | None = None, *, tell: bool = False) -> None:
        History.current = self
        multipart.SINGLE_REQUEST_BYTES = 0 if scenario.in_parts else _SINGLE_REQUEST_BYTES
        self.scenario = scenario
        self.given = None if decisions is None else iter(decisions)
        self.tell = tell
        self.world = World(scenario, self._after_step)
        self.readers = Readers(self.world)
        self.runs = WholeRunReader(self.world)
        self.outcome = Outcome(scenario, self.world.scheduler.decisions)
        self.chooser = Chooser(scenario, self.world.scheduler)

    def play(self) -> Outcome:
        """Play the history to its end, or to the first violation."""
        try:
            past.begin(self.world, self.scenario)
            self.readers.look()
            for phase in self.scenario.phases:
                self._phase(phase)
            Aftermath(self.world, self.scenario, self.readers, self._wait).check(calm=self._is_calm)
            self.runs.ends()
        except Violation as violation:
            self.outcome.violation = violation
        except LakeError as error:
            self.outcome.violation = Violation(f"failed in peace ({type(error).__name__})", str(error))
        self.outcome.reads = self.readers.reads
        self.outcome.views = self.runs.views
        self.outcome.behind = len(self.readers.lags)
        self.outcome.requests = len(self.world.scheduler.decisions)
        return self.outcome

    # The course of events.

    def _phase(self, phase: Phase) -> None:
        scheduler = self.world.scheduler
        names = {actor.name for actor in phase.actors}
        for actor in phase.actors:
            scheduler.add(Process(actor.name, work_of(self.world, actor), actor.skew))
        pending = self._choices(names)
        while ready := scheduler.ready():
            decision = next(pending, None) or Decision(ready[0].name)
            scheduler.step(decision)
            if len(scheduler.decisions) > _MOST_STEPS:
                raise Violation("endless", f"{len(scheduler.decisions)} requests")
        for name in names:
            self._judge(scheduler.processes[name])
        self._wait(phase.then)

    def _wait(self, time: timedelta) -> None:
        """Let time pass: the lifecycle acts, and where it takes days, maintenance runs in some of the nights."""
        ages = self.scenario.expires or self.scenario.archived
        end, step = self.world.clock.now + time, _NIGHTS if ages else time
        while self.world.clock.now < end:
            self.world.clock.advance(min(step, end - self.world.clock.now))
            if time > _NIGHTS:
                night(self.world)
                self.readers.look()
            lifecycle.act(self.world)
            self.readers.look()
            self.runs.look()

    def _choices(self, names: set[str]) -> Iterator[Decision]:
        if self.given is None:
            while True:
                yield self.chooser.draw()
        for decision in self.given:
            process = self.world.scheduler.processes.get(decision.process)
            if process is not None and process in self.world.scheduler.ready():
                yield decision
            elif process is None and decision.process in {actor.name for actor in self.scenario.actors}:
                self.given = _again(decision, self.given)  # it is of a later phase: this one goes on by itself
                return

    # What must hold.

    def _judge(self, process: Process) -> None:
        """Errors are of the tree, and each process that reported success is in the ledger."""
        if isinstance(process.error, ObjectArchived) and self.world.is_archived:
            return
        if process.name.startswith("reader") and process.error is not None:
            raise Violation("reader failed", f"{process.name}: {process.error}")
        if process.error is not None and not isinstance(process.error, LakeError):
            raise Violation("crash", f"{process.name}: {type(process.error).__name__}: {process.error}")
        self.outcome.killed += process.state == "killed"
        if process.state != "ended" or not isinstance(process.result, RunRecord):
            return
        for staged in process.result.partitions:
            entries = self.readers.entries(staged.parsed)
            mine = [entry for entry in entries if entry.run.id == process.result.run.id and entry.is_live]
            same = [entry for entry in entries if entry.content == staged.content and entry.is_live]
            if not mine and not same:
                raise Violation(
                    "false success", f"{process.name} reported {staged.partition} as published; the ledger does not"
                )

    @property
    def _is_calm(self) -> bool:
        """Whether nothing was killed and no request was late."""
        return self.outcome.killed == 0 and not any("late request" in name for name in self.world.scheduler.processes)

    # What is written down.

    def _after_step(self, process: Process, request: Request | None, fate: Fate) -> None:
        if self.tell and request is not None:
            self.outcome.steps.append(
                Step(process.name, request.operation, request.arguments, fate, request.outcome, {})
            )
        self.readers.look()
        if request is not None and request.writes:
            self.runs.look(request)
        if self.tell and self.outcome.steps:
            self.outcome.steps[-1].numbers = self.readers.shown()


def _again(first: Decision, rest: Iterator[Decision]) -> Iterator[Decision]:
    yield first
    yield from rest
