"""One history: its scenario is played, readers look after every step, and at the end everything must be right."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from lakeworks.errors import LakeError
from lakeworks.ledger.run_record import RunRecord
from lakeworks.maintenance.verify import repair, verify
from tests.simulation import lifecycle
from tests.simulation.actors import work_of
from tests.simulation.readers import Readers, Violation
from tests.simulation.scenario import Actor, Phase, Scenario
from tests.simulation.scheduler import Decision, Fate, Process, Request
from tests.simulation.world import DAYS, MONTH, World

_MOST_STEPS = 3000
HORIZON = timedelta(days=31)


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
    behind: int = 0
    requests: int = 0
    killed: int = 0


class History:
    """Plays one scenario, by decisions given or drawn from its seed."""

    current: "History"

    def __init__(self, scenario: Scenario, decisions: Sequence[Decision] | None = None, *, tell: bool = False) -> None:
        History.current = self
        self.scenario = scenario
        self.given = None if decisions is None else iter(decisions)
        self.chance = random.Random(f"{scenario.seed} steps")
        self.kills, self.strange, self.freezes = scenario.kills, scenario.strange, scenario.freezes
        self.tell = tell
        self.world = World(scenario.layout, self._after_step, scenario.parts, scenario.days)
        self.readers = Readers(self.world)
        self.outcome = Outcome(scenario, self.world.scheduler.decisions)
        self._last = ""
        self._frozen: set[str] = set()

    def play(self) -> Outcome:
        """Play the history to its end, or to the first violation."""
        try:
            self._past()
            for phase in self.scenario.phases:
                self._phase(phase)
            self._end()
        except Violation as violation:
            self.outcome.violation = violation
        self.outcome.reads = self.readers.reads
        self.outcome.behind = len(self.readers.lags)
        self.outcome.requests = len(self.world.scheduler.decisions)
        return self.outcome

    # The course of events.

    def _past(self) -> None:
        for number in range(1, self.scenario.past + 1):
            days = tuple(range(self.scenario.days))
            work_of(self.world, Actor(f"past {number}", "writer", number, days, number))()
            self.world.clock.advance(timedelta(hours=30))
        self.readers.look()

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
        self.world.clock.advance(phase.then)
        lifecycle.act(self.world)
        self.readers.look()

    def _choices(self, names: set[str]) -> Iterator[Decision]:
        if self.given is None:
            while True:
                yield self._draw()
        for decision in self.given:
            process = self.world.scheduler.processes.get(decision.process)
            if process is not None and process in self.world.scheduler.ready():
                yield decision
            elif process is None and decision.process in {actor.name for actor in self.scenario.actors}:
                self.given = _again(decision, self.given)  # it is of a later phase: this one goes on by itself
                return

    def _draw(self) -> Decision:
        ready = self.world.scheduler.ready()
        awake = [item for item in ready if item.name not in self._frozen]
        if not awake:
            self._frozen.clear()
            awake = ready
        process = next((item for item in awake if item.name == self._last), None)
        if process is None or self.chance.random() < self.scenario.pace:
            process = self.chance.choice(awake)
        self._last = process.name
        return Decision(process.name, self._fate(process, ready))

    def _fate(self, process: Process, ready: list[Process]) -> Fate:
        request = process.request
        if request is None or process.name.count("late request"):
            return "go"
        if self.freezes and request.writes and len(ready) > 1 and self.chance.random() < 0.1:
            self.freezes -= 1
            self._frozen.add(process.name)
        if self.kills and self.chance.random() < 0.04:
            self.kills -= 1
            return self.chance.choice(("die", "die after", "die late") if request.writes else ("die",))
        if self.strange and request.writes and self.chance.random() < 0.08:
            self.strange -= 1
            return self.chance.choice(("twice", "copy"))
        return "go"

    # What must hold.

    def _judge(self, process: Process) -> None:
        """Errors are of the tree, and each process that reported success is in the ledger."""
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

    def _end(self) -> None:
        if not self._is_calm:
            self._repair()
        self._agree("before the last publication")
        self.world.clock.advance(HORIZON)
        lifecycle.act(self.world)
        self.readers.look()
        self._agree("a month later")
        self._publish_last()
        self._agree("after the last publication")

    def _repair(self) -> None:
        try:
            repair(
                self.world.lake,
                self.world.contract,
                verify(self.world.lake, self.world.contract, patience=timedelta(0)),
            )
        except LakeError as error:
            raise Violation("repair failed", str(error)) from error
        self.readers.look()

    def _agree(self, when: str) -> None:
        self.readers.agree(when)
        try:
            findings = verify(self.world.lake, self.world.contract, patience=timedelta(0))
        except LakeError as error:
            raise Violation(f"verify failed {when}", str(error)) from error
        if findings:
            found = findings[0]
            raise Violation(f"verify {when}: {found.kind}", f"{found.partition}: {found.detail}")

    def _publish_last(self) -> None:
        """A run that begins after everything else publishes in peace."""
        number, days = 900, [DAYS[day] for day in range(self.scenario.days)]
        actor = Actor("the last writer", "writer", number, tuple(range(len(days))), number)
        try:
            work_of(self.world, actor)()
        except LakeError as error:
            raise Violation(f"the last publication: {type(error).__name__}", str(error)) from error
        assert MONTH
        self.readers.look()

    # What is written down.

    def _after_step(self, process: Process, request: Request | None, fate: Fate) -> None:
        if self.tell and request is not None:
            self.outcome.steps.append(
                Step(process.name, request.operation, request.arguments, fate, request.outcome, {})
            )
        self.readers.look()
        if self.tell and self.outcome.steps:
            self.outcome.steps[-1].numbers = self.readers.shown()


def _again(first: Decision, rest: Iterator[Decision]) -> Iterator[Decision]:
    yield first
    yield from rest
