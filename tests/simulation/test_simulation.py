"""Some hundreds of histories in every test run; `make simulate` plays many more (docs/reliability.md has its figures)."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.simulation.branch_faults import EVERY_FAULT
from tests.simulation.faults import FAULTS
from tests.simulation.history import History
from tests.simulation.running import run, simulation
from tests.simulation.scenario import Actor, Phase, Scenario, draw
from tests.simulation.scheduler import Decision
from tests.simulation.story import story_of

# Found in the first thirty histories of their theme; docs/reliability.md has all faults.
COMMON = ("settle_overwrites", "pin_stays", "delete_by_key", "rollback_without_copies", "shared_staging", "no_catalog")


@pytest.fixture
def simulated() -> Iterator[None]:
    with simulation():
        yield


def test_readers_see_one_whole_audited_publication_and_none_older_than_before() -> None:
    tally = run(range(400))
    assert tally.seeds == {}, "make simulate tells their stories"
    assert tally.reads > 15_000, "the readers really looked"
    assert tally.killed > 100, "processes were really killed"


def test_a_seed_reproduces_its_history_and_so_do_its_decisions(simulated: None) -> None:
    for seed in range(20):
        drawn, again = (History(draw(seed)).play() for _ in range(2))
        given = History(draw(seed), list(drawn.decisions)).play()
        assert drawn.decisions == again.decisions == given.decisions
        assert str(drawn.violation) == str(again.violation) == str(given.violation)


@pytest.mark.parametrize("name", COMMON)
def test_a_cure_taken_out_is_found(name: str, simulated: None) -> None:
    fault = FAULTS[name]
    with fault.planted():
        outcomes = (History(draw(seed, about=fault.about)).play() for seed in range(600))
        found = next(item for item in outcomes if item.violation)
    assert found.violation
    assert History(draw(found.scenario.seed, about=fault.about)).play().violation is None, (
        "the cure is what makes it right"
    )


def test_a_violation_is_shrunk_to_a_story(simulated: None) -> None:
    with FAULTS["unaudited"].planted():
        outcomes = (History(draw(seed)).play() for seed in range(2_000))
        found = next(item for item in outcomes if item.violation and "unaudited" in item.violation.kind)
        story = story_of(found)
    assert story.count("unaudited writer") > 1
    assert len(story.splitlines()) < 30
    assert story.splitlines()[-1].startswith("=> unaudited by")


def test_a_run_with_a_new_column_leaves_the_catalog_at_its_own_publication(simulated: None) -> None:
    """Found by the simulation: after a confirmation the publisher set the catalog back to what was live before."""
    confirms, widens = Actor("writer 3", "writer", 3, rows=2), Actor("schema writer 4", "schema writer", 4, rows=4)
    scenario = Scenario(seed=0, layout="versioned", past=2, phases=(Phase((confirms,)), Phase((widens,))))
    assert History(scenario, []).play().violation is None


def test_a_partition_withdrawn_while_the_catalog_is_repaired_leaves_it(simulated: None) -> None:
    """Found by the simulation: repair registered what it had read before the withdrawal, and never dropped it again."""
    actors = (Actor("catalog repair", "catalog repair"), Actor("withdraw", "withdraw"))
    for steps in range(1, 12):
        decisions = [*[Decision("catalog repair")] * steps, *[Decision("withdraw")] * 40]
        outcome = History(Scenario(seed=0, phases=(Phase(actors),)), decisions).play()
        assert outcome.violation is None, steps


@pytest.mark.parametrize(("first", "second"), [("writer 3", "writer 4"), ("writer 4", "writer 3")])
def test_two_confirmations_at_once_leave_the_catalog_at_the_later_one(simulated: None, first: str, second: str) -> None:
    """One confirms a month, the other one of its days: the catalog's period used to stay that of the earlier number."""
    actors = Actor("writer 3", "writer", 3, (0, 1), 2), Actor("writer 4", "writer", 4, (0,), 2)
    for steps in range(1, 34, 2):
        scenario = Scenario(seed=0, past=2, days=2, phases=(Phase(actors),))
        outcome = History(scenario, [*[Decision(first)] * steps, *[Decision(second)] * 60]).play()
        assert outcome.violation is None, steps


@pytest.mark.parametrize("other", ["writer 2", "schema writer 2"])
def test_a_new_column_reaches_partitions_that_are_registered_at_the_same_time(simulated: None, other: str) -> None:
    """Found by the simulation (`wrong in catalog: column more2 is missing`): columns were read, changed, then written."""
    writes, widens = Actor(other, "writer", 2), Actor("schema writer 1", "schema writer", 1)
    if "schema" in other:
        writes = Actor(other, "schema writer", 2)
    scenario = Scenario(seed=0, past=0, days=3, phases=(Phase((replace(writes, days=(0, 1, 2)), widens)),))
    for steps in range(20, 60):
        decisions = [*[Decision(other)] * steps, *[Decision("schema writer 1")] * 90]
        assert History(scenario, decisions).play().violation is None, steps


@pytest.mark.parametrize("seed", [1_002_237, 1_005_655, 1_013_907, 1_096_482, 2_014_404, 2_036_018])
def test_seeds_that_showed_a_fault_show_it_no_more(simulated: None, seed: int) -> None:
    """Collection by a worker's slow clock; a rollback to an archive that stayed unfinished; an older run beside a promotion;
    a dropped file that changed while it was listed; staging that another process cleared, in parts and whole.
    """
    assert History(draw(seed)).play().violation is None


@pytest.mark.parametrize("name", EVERY_FAULT)
def test_every_fault_can_still_be_planted(simulated: None, name: str) -> None:
    """One whose place in the code has changed would raise an error of its own, and that would count as found."""
    fault = EVERY_FAULT[name]
    with fault.planted():
        outcomes = [History(draw(seed, about=fault.about)).play() for seed in range(3)]
    assert "crash" not in {item.violation.kind for item in outcomes if item.violation}
