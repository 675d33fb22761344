"""Dev lakes and releases beside live runs: promotions replace what they were built over, and what is named stays readable."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulation.branch_faults import BRANCH_FAULTS
from tests.simulation.history import History
from tests.simulation.running import simulation
from tests.simulation.scenario import draw

# The others need more histories: `make simulate FAULT=all`.
COMMON = (
    "promoted_anyway",
    "promoted_without_condition",
    "dev_keys_are_live",
    "releases_not_held",
    "promotion_rolled_forward",
)


@pytest.fixture
def simulated() -> Iterator[None]:
    with simulation():
        yield


@pytest.mark.parametrize("about", ["dev lakes", "releases"])
def test_what_is_named_stays_readable_and_nothing_is_promoted_over_other_rows(about: str, simulated: None) -> None:
    ends = Counter[str]()
    for seed in range(150):
        history = History(draw(seed, about=about))
        assert history.play().violation is None, f"seed {seed}; make simulate tells its story"
        for name, process in history.world.scheduler.processes.items():
            if name.startswith(about.removesuffix("s")):
                ends[process.state if process.error is None else type(process.error).__name__] += 1
    refused = {"dev lakes": "PromotionRefused", "releases": "LakeNotFound"}[about]
    assert min(ends["ended"], ends["killed"], ends[refused]) > 5, ends


@pytest.mark.parametrize("name", COMMON)
def test_a_cure_of_branches_taken_out_is_found(name: str, simulated: None) -> None:
    fault: Any = BRANCH_FAULTS[name]
    with fault.planted():
        outcomes = (History(draw(seed, about=fault.about)).play() for seed in range(200))
        found = next(item for item in outcomes if item.violation)
    assert History(draw(found.scenario.seed, about=fault.about)).play().violation is None


def test_histories_of_every_campaign_have_them() -> None:
    kinds = Counter(actor.kind for seed in range(200) for actor in draw(seed).actors)
    assert min(kinds["dev lake"], kinds["release"]) >= 10
