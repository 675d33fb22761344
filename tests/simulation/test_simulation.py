"""Some hundreds of histories in every test run; `make simulate` plays many more (docs/reliability.md has its figures)."""

from collections.abc import Iterator

import pytest

from tests.simulation.history import History
from tests.simulation.running import run, simulation
from tests.simulation.scenario import draw


@pytest.fixture
def simulated() -> Iterator[None]:
    with simulation():
        yield


def test_a_seed_reproduces_its_history(simulated: None) -> None:
    for seed in range(20):
        first, second = (History(draw(seed)).play() for _ in range(2))
        assert first.decisions == second.decisions
        assert str(first.violation) == str(second.violation)


def test_the_decisions_of_a_history_reproduce_it(simulated: None) -> None:
    for seed in range(20):
        drawn = History(draw(seed)).play()
        given = History(draw(seed), list(drawn.decisions)).play()
        assert given.decisions == drawn.decisions
        assert str(given.violation) == str(drawn.violation)


def test_nothing_leaves_the_error_tree() -> None:
    tally = run(range(300))
    assert tally.kinds["crash"] == 0
    assert tally.kinds["false success"] == 0
    assert tally.reads > 10_000, "the readers really looked"
