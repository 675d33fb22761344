"""The reader of whole runs: in sound histories it is never deceived, and it finds each fault that is often enough to wait for."""

from collections.abc import Iterator

import pytest

from tests.simulation.history import History
from tests.simulation.running import simulation
from tests.simulation.scenario import draw
from tests.simulation.whole_run_faults import WHOLE_RUN_FAULTS

# Found in a tenth or more of the histories over several days.
COMMON = ("run_without_ticket", "number_too_soon", "tickets_ignored")


@pytest.fixture
def simulated() -> Iterator[None]:
    with simulation():
        yield


@pytest.mark.parametrize("name", COMMON)
def test_a_cure_of_runs_taken_out_is_found(name: str, simulated: None) -> None:
    seeds = (seed for seed in range(2_000) if draw(seed).days > 1)
    with WHOLE_RUN_FAULTS[name].planted():
        outcomes = (History(draw(seed)).play() for seed in seeds)
        found = next(item for item in outcomes if item.violation)
    assert found.violation
    assert found.violation.kind == "half a run by ledger"


def test_views_of_several_days_are_really_taken(simulated: None) -> None:
    outcomes = [History(draw(seed)).play() for seed in range(40)]
    assert sum(outcome.views for outcome in outcomes) > 50
    assert all(outcome.views == 0 for outcome in outcomes if outcome.scenario.days == 1)
