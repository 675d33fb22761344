"""An example that does not hold says in which row and column; nothing that differs passes."""

from dataclasses import replace

from lakeworks.authoring.example_difference import differences
from lakeworks.transform.examples import Outcome, load_examples

EXAMPLE = replace(load_examples(["reference.transport.zones"])[0], quarantined=[["zone_required"]])
BROKEN = [["zone_required"]]
COLUMN = next(iter(EXAMPLE.expected[0]))


def test_what_is_as_expected_has_no_difference() -> None:
    assert differences(EXAMPLE, Outcome(EXAMPLE.expected, BROKEN)) == []


def test_a_value_a_missing_and_an_unknown_column_are_named() -> None:
    first, *others = EXAMPLE.expected
    (found,) = differences(EXAMPLE, Outcome([{**first, COLUMN: "another"}, *others], BROKEN))
    assert found.startswith(f"row 1: `{COLUMN}` is 'another', expected ")
    without = {name: value for name, value in first.items() if name != COLUMN}
    assert differences(EXAMPLE, Outcome([without, *others], BROKEN)) == [f"row 1: `{COLUMN}` was not built"]
    (found,) = differences(EXAMPLE, Outcome([{**first, "x": 1}, *others], BROKEN))
    assert found == "row 1: `x` was built, and the contract has no such column"


def test_a_row_too_few_or_too_many_is_shown() -> None:
    rows = EXAMPLE.expected
    (found,) = differences(EXAMPLE, Outcome(rows[:-1], BROKEN))
    assert found.startswith(f"row {len(rows)} is missing: {{{COLUMN}: ")
    assert differences(EXAMPLE, Outcome([*rows, {"id": None}], BROKEN)) == [
        f"row {len(rows) + 1} was not expected: {{id: null}}"
    ]


def test_quarantined_rows_are_compared_by_the_rules_they_broke() -> None:
    (none,) = differences(EXAMPLE, Outcome(EXAMPLE.expected, []))
    assert none == "quarantined rows broke nothing, expected [['zone_required']]"
    assert len(differences(EXAMPLE, Outcome(EXAMPLE.expected, [["borough_required"]]))) == 1
