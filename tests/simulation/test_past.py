"""Histories with equal pasts share them: a shared past is the past that each would have played itself."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulation import past
from tests.simulation.faults import FAULTS
from tests.simulation.history import History
from tests.simulation.running import simulation
from tests.simulation.scenario import draw


@pytest.fixture
def simulated() -> Iterator[None]:
    with simulation():
        yield


def _end(seed: int) -> tuple[Any, ...]:
    """Play a history; return its course, and every version in the bucket at its end. Some bodies say how long a step took."""
    history = History(draw(seed, frozenset({"dev lake", "dev build"})))  # names of dev lakes are random
    outcome = history.play()
    ends = {key: [item.id for item in found] for key, found in history.world.bucket.keys.items()}
    return outcome.decisions, outcome.reads, outcome.views, str(outcome.violation), ends, history.world.clock.now


def test_a_history_with_a_shared_past_is_the_history_with_its_own(simulated: None) -> None:
    for seed in range(40):
        past.forget()
        own = _end(seed)
        assert _end(seed) == own, seed


def test_a_planted_fault_acts_in_the_past_too_and_leaves_none_of_it(simulated: None) -> None:
    sound = _end(1)
    with FAULTS["no_catalog"].planted():
        assert _end(1) != sound
    assert _end(1) == sound
