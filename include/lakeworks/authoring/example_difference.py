"""Difference between what an example expects and what was built, a line for each row or value."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lakeworks.transform.examples import Example, ExampleOutcome


def differences(example: Example, outcome: ExampleOutcome) -> list[str]:
    """Return what differs, in the order of the rows; empty if the example holds."""
    return [*_rows(example.expected, outcome.rows), *_quarantined(example.quarantined, outcome.quarantined)]


def _rows(expected: Sequence[Mapping[str, Any]], built: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for number, (expected_row, row) in enumerate(zip(expected, built, strict=False), 1):
        for column in {**expected_row, **row}:
            if column not in row:
                yield f"row {number}: `{column}` was not built"
            elif column not in expected_row:
                yield f"row {number}: `{column}` was built, and the contract has no such column"
            elif expected_row[column] != row[column]:
                yield f"row {number}: `{column}` is {_shown(row[column])}, expected {_shown(expected_row[column])}"
    for number, expected_row in enumerate(expected[len(built) :], len(built) + 1):
        yield f"row {number} is missing: {shown_row(expected_row)}"
    for number, row in enumerate(built[len(expected) :], len(expected) + 1):
        yield f"row {number} was not expected: {shown_row(row)}"


def _quarantined(expected: Sequence[Sequence[str]], built: Sequence[Sequence[str]]) -> Iterator[str]:
    expected_rules, built_rules = sorted(map(sorted, expected)), sorted(map(sorted, built))
    if expected_rules != built_rules:
        yield f"quarantined rows broke {built_rules or 'nothing'}, expected {expected_rules or 'none'}"


def shown_row(row: Mapping[str, Any]) -> str:
    """Return a row as one line."""
    return "{" + ", ".join(f"{name}: {_shown(value)}" for name, value in row.items()) + "}"


def _shown(value: Any) -> str:
    return "null" if value is None else repr(value) if isinstance(value, str) else str(value)
