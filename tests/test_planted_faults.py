"""The list of planted faults against the code, so that a change of the code that makes it stale is seen at once."""

from pathlib import Path

from tests.mutants.planted import load_faults, problems


def test_every_planted_fault_is_true_of_the_code() -> None:
    assert [*problems(load_faults(), Path(__file__).parents[1])] == []
