"""Drawing scheduling decisions: who goes on, who is frozen, killed, or answered strangely."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulation.scenario import Scenario, Stops
from tests.simulation.scheduler import Decision, Fate, Process, Scheduler


@dataclass
class Chooser:
    """Decisions of one history, drawn by its seed within the limits of its scenario."""

    scenario: Scenario
    scheduler: Scheduler
    chance: random.Random = field(init=False)
    last: str = ""
    frozen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.chance = random.Random(f"{self.scenario.seed} steps")
        self.kills, self.strange, self.freezes = self.scenario.kills, self.scenario.strange, self.scenario.freezes

    def draw(self) -> Decision:
        """Draw whose request is next, and its fate."""
        ready = self.scheduler.ready()
        process = self._next(ready)
        if self._is_frozen_now(process, ready):
            self.frozen.add(process.name)  # until the others can do nothing more
            process = self._next(ready)
        self.last = process.name
        return Decision(process.name, self._fate(process))

    def _next(self, ready: list[Process]) -> Process:
        awake = [item for item in ready if item.name not in self.frozen]
        if not awake:
            self.frozen.clear()
            awake = ready
        process = next((item for item in awake if item.name == self.last), None)
        if process is None or self.chance.random() < self.scenario.pace:
            process = self.chance.choice(awake)
        return process

    def _is_frozen_now(self, process: Process, ready: list[Process]) -> bool:
        stops, probability = _STOPS[self.scenario.stops]
        if not self.freezes or not stops(process) or len(ready) < 2 or self.chance.random() > probability:
            return False
        self.freezes -= 1
        return True

    def _fate(self, process: Process) -> Fate:
        request = process.request
        if request is None or "late request" in process.name:
            return "go"
        if self.kills and self.chance.random() < (0.12 if _matters(process) else 0.02):
            self.kills -= 1
            return self.chance.choice(("die", "die after", "die late") if request.writes else ("die",))
        if self.strange and _matters(process) and self.chance.random() < 0.12:
            self.strange -= 1
            return self.chance.choice(("twice", "copy"))
        return "go"


def _matters(process: Process) -> bool:
    """Return whether a process is about to change what others see."""
    request = process.request
    if request is None or not request.writes:
        return False
    return not str(request.arguments.get("Key", "")).startswith("_staging/")


def _looks(process: Process) -> bool:
    """Return whether a settling process has read the ledger and is about to look at a live object."""
    request = process.request
    return request is not None and process.name.startswith("settle") and request.operation == "head_object"


def _acts_on_numbers(process: Process) -> bool:
    """Return whether a promotion is about to take a day's number, or a roll-forward to look for one."""
    key = str(process.request.arguments.get("Key", "")) if process.request else ""
    is_number = key.startswith("_ledger/") and "/day=" in key
    return process.name.startswith("roll-forward") or (process.name.startswith("promoter") and is_number)


# Where a process may stop, and how probably it does.
_STOPS: dict[Stops, tuple[Callable[[Process], bool], float]] = {
    "writes": (_matters, 0.2),
    "writes and settling's looks": (lambda process: _matters(process) or _looks(process), 0.2),
    "numbers of a promotion": (_acts_on_numbers, 0.6),
}
