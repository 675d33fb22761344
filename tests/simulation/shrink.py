"""Making a failing history short: fewer processes, fewer switches between them, fewer strange requests; the same violation."""

from collections.abc import Iterator
from dataclasses import replace

from tests.simulation.history import History, Outcome
from tests.simulation.scenario import Scenario
from tests.simulation.scheduler import Decision

_MOST_TRIES = 3000


def shrunk(outcome: Outcome) -> Outcome:
    """The shortest history found that ends in the same violation."""
    assert outcome.violation
    best, tries = outcome, 0
    while tries < _MOST_TRIES:
        for scenario, decisions in _smaller(best.scenario, best.decisions):
            tries += 1
            found = History(scenario, decisions).play()
            if found.violation and found.violation.kind == outcome.violation.kind:
                best = replace(found, scenario=scenario, decisions=decisions)
                break
            if tries >= _MOST_TRIES:
                break
        else:
            break
    return best


def _smaller(scenario: Scenario, decisions: list[Decision]) -> Iterator[tuple[Scenario, list[Decision]]]:
    """Histories that are a little smaller, the boldest steps first."""
    for actor in reversed(scenario.actors):
        yield scenario.without(actor.name), [item for item in decisions if not item.process.startswith(actor.name)]
    if scenario.past:
        yield replace(scenario, past=scenario.past - 1), decisions
    if scenario.parts > 1:
        yield replace(scenario, parts=1), decisions
    if scenario.days > 1:
        yield _of_one_day(scenario), decisions
    size = len(decisions)
    while size:
        for start in range(len(decisions) - size, -1, -size):
            yield scenario, decisions[:start] + decisions[start + size :]
        size //= 2
    for number, item in enumerate(decisions):
        if item.fate != "go":
            yield scenario, [*decisions[:number], Decision(item.process), *decisions[number + 1 :]]


def _of_one_day(scenario: Scenario) -> Scenario:
    phases = (
        replace(phase, actors=tuple(replace(actor, days=(0,)) for actor in phase.actors)) for phase in scenario.phases
    )
    return replace(scenario, days=1, phases=tuple(phases))
