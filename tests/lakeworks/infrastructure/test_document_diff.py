"""Differences as a person reads them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.infrastructure.document_diff import difference

VALUES = st.recursive(
    st.integers() | st.text(max_size=3) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["~ a.b: 1 -> 2"]),
        ({}, {"rule": {"Days": 3, "Moves": [{"To": "X"}]}}, ["+ rule.Days = 3", "+ rule.Moves.0.To = X"]),
        ({"gone": {"Days": 3}, "kept": 1}, {"kept": 1}, ["- gone.Days (was 3)"]),
        ({"names": ["a", "b"]}, {"names": ["b", "c"]}, ["- names (was a)", "+ names = c"]),
        ({"names": ["a", "b"]}, {"names": ["b", "a"]}, ["~ names: ['a', 'b'] -> ['b', 'a']"]),
        (
            {"moves": [{"Days": 1}]},
            {"moves": [{"Days": 2}, {"Days": 3}]},
            ["~ moves.0.Days: 1 -> 2", "+ moves.1.Days = 3"],
        ),
    ],
)
def test_lines(before: Any, after: Any, lines: list[str]) -> None:
    assert [str(line) for line in difference(before, after)] == lines


@given(
    before=st.dictionaries(st.text(min_size=1, max_size=3), VALUES),
    after=st.dictionaries(st.text(min_size=1, max_size=3), VALUES),
)
def test_there_is_a_line_exactly_where_documents_differ(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert bool(difference(before, after)) == (before != after)
