"""The pattern of a form's field: it takes every key that a run reads, and refuses the others before there is a run."""

import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.core.partition import GRAINS, Period
from lakeworks.core.period_keys import EXAMPLES, key_pattern, periods_of
from lakeworks.errors import PartitionKeyError

DATES = st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9998, 12, 31))


@given(DATES, st.sampled_from(GRAINS))
def test_the_pattern_takes_every_key_of_its_grain_and_of_coarser_ones(at: datetime, grain: str) -> None:
    for coarser in GRAINS[: GRAINS.index(grain) + 1]:
        assert re.search(key_pattern(grain), str(Period.containing(at, coarser)))


@given(st.from_regex(r"[0-9]{4}-[0-9]{2}(-[0-9]{2}(T[0-9]{2})?)?", fullmatch=True), st.sampled_from(GRAINS))
def test_what_the_pattern_refuses_no_run_reads(key: str, grain: str) -> None:
    if not re.search(key_pattern(grain), key):
        with pytest.raises(PartitionKeyError):
            periods_of(key, grain)


@pytest.mark.parametrize("key", ["July", "2019", "2019-1", "2019-00", "2019-13", "2019-01-05", " 2019-01", "0019-01", "2019-01\n2019-02"])  # fmt: skip
def test_a_wrong_month_does_not_match(key: str) -> None:
    assert re.search(key_pattern("month"), key) is None


def test_an_empty_field_and_the_example_match() -> None:
    for grain in GRAINS:
        assert re.search(key_pattern(grain), "")
        assert re.search(key_pattern(grain), EXAMPLES[grain])
