"""Values of the lake as JSON, and answers that end: rows, bytes, characters."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from lakeworks.agents.limits import AnswerLimits, bounded_document, bounded_rows, dumped, json_value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None), (True, True), (2**53, 2**53), (2**53 + 1, "9007199254740993"), (Decimal("1.10"), "1.10"),
        (float("nan"), "nan"), (1.5, 1.5), (date(2024, 1, 5), "2024-01-05"), (b"\x00\xff", "00ff"),
        (datetime(2024, 1, 5, tzinfo=UTC), "2024-01-05T00:00:00+00:00"), ([Decimal("1.0")], ["1.0"]), ({"a": 1}, {"a": 1}),
        ("x" * 12, "xxxxxxxxxx… (12 characters)"), (["x" * 8, "y"], '["xxxxxxxx… (16 characters)'),
    ],
)  # fmt: skip
def test_a_value_keeps_its_digits_and_has_a_limit(value: Any, expected: Any) -> None:
    shown = json_value(value, 10)
    assert shown == expected
    json.loads(json.dumps(shown, allow_nan=False))


def test_rows_beyond_a_limit_are_cut_and_it_is_said() -> None:
    rows = [(number, "text") for number in range(10)]
    by_rows = bounded_rows(rows, AnswerLimits(rows=3))
    assert (by_rows.rows[-1], "more than 3 rows" in by_rows.cut) == ([2, "text"], True)
    by_bytes = bounded_rows(rows, AnswerLimits(bytes=35))
    assert (len(by_bytes.rows), "more than 35 bytes" in by_bytes.cut) == (3, True)
    whole = bounded_rows(rows[:3], AnswerLimits(rows=3))
    assert (len(whole.rows), whole.cut) == (3, "")


def test_a_document_loses_its_largest_parts_first_and_names_them() -> None:
    document = {"table": "t", "sql": "s" * 500, "columns": ["c"] * 10}
    kept = bounded_document(document, AnswerLimits(bytes=200), ("sql", "columns"))
    assert kept == {"table": "t", "columns": ["c"] * 10, "left_out": ["sql"]}
    assert bounded_document(document, AnswerLimits(), ("sql", "columns")) == document


def test_half_of_a_pair_is_escaped_rather_than_breaking_the_answer() -> None:
    assert dumped({"a": "\ud800", "b": "é"}) == '{"a":"\\ud800","b":"\\u00e9"}'
    assert dumped({"b": "é"}) == '{"b":"é"}'
