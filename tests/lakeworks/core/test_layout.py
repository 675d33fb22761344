"""Keys of the bucket."""

import itertools

import pytest

from lakeworks.core.layout import safe_id


def test_two_run_ids_never_share_a_key_part() -> None:
    """Airflow's ids hold characters that S3 clients escape differently; what replaces them tells nothing apart."""
    ids = [
        "a:b",
        "a+b",
        "a-b",
        "a b",
        "a::b",
        "scheduled__2026-01-01T00:00:00+00:00",
        "scheduled__2026-01-01T00-00-00-00-00",
    ]
    ids += [safe_id(name) for name in ids if safe_id(name) != name]
    for one, two in itertools.combinations(ids, 2):
        assert safe_id(one) != safe_id(two), (one, two)


@pytest.mark.parametrize("name", ["manual__1", "rollback__20261128T220900-3f2a11bc", "a.b_c-d"])
def test_a_run_id_that_is_a_key_part_stays_readable(name: str) -> None:
    assert safe_id(name) == name
