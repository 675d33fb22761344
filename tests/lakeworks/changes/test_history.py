"""What builds will take, from what earlier builds took."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.changes.history import PastBuild, predicted


def test_without_history_there_is_no_figure_and_without_builds_no_cost() -> None:
    assert (predicted([], 3, 10), predicted([], 0, 0)) == (None, 0.0)


def test_a_build_takes_a_share_of_its_own_and_one_by_its_size() -> None:
    """Months of days: 2 seconds each, and a second for each 100 rows."""
    samples = [PastBuild(size, 2 + size / 100) for size in (100, 200, 400, 800)]
    assert predicted(samples, 1, 30_000) == pytest.approx(302)
    assert predicted(samples, 10, 1000) == pytest.approx(30)


@pytest.mark.parametrize(
    ("builds", "size", "taken"),
    [(5, 500, 20.0), (5, 900, 20.0), (5, 5000, 200.0), (5, 50, 20.0)],
)
def test_builds_of_one_size_give_the_mean_and_larger_ones_go_by_size(builds: int, size: float, taken: float) -> None:
    assert predicted([PastBuild(100, 4.0)] * 4, builds, size) == pytest.approx(taken)


def test_larger_builds_that_took_less_are_chance() -> None:
    assert predicted([PastBuild(1, 5), PastBuild(10, 4), PastBuild(20, 3)], 2, 40) == pytest.approx(8)


def test_a_line_below_zero_goes_through_zero() -> None:
    samples = [PastBuild(10, 0.1), PastBuild(20, 10), PastBuild(30, 25)]
    assert predicted(samples, 100, 100) == pytest.approx(100 * (1 + 200 + 750) / 1400)


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.floats(0.01, 100)), min_size=1),
    st.integers(1, 50),
    st.integers(0, 5000),
)
def test_no_prediction_is_below_zero(samples: list[tuple[int, float]], builds: int, size: int) -> None:
    found = predicted([PastBuild(*item) for item in samples], builds, size)
    assert found is not None
    assert found >= 0
