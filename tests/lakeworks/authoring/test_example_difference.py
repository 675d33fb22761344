"""A failed example says which value of which row differs."""

from lakeworks.authoring.example_difference import differences
from lakeworks.transform.examples import Example, ExampleOutcome

ROW = {"id": 1, "placed_at": None, "amount": None}


def example(expect: list[dict[str, object]], quarantined: list[list[str]] | None = None) -> Example:
    return Example("silver.sales.orders", "x", "2024-01-05", {}, expect, quarantined or [])


def test_nothing_differs(shop: object) -> None:
    assert differences(example([{"id": 1}], [["b", "a"]]), ExampleOutcome([ROW], [["a", "b"]])) == []


def test_values_rows_and_quarantine_are_named(shop: object) -> None:
    assert differences(example([{"id": 2, "amount": "x"}]), ExampleOutcome([ROW], [])) == [
        "row 1: `id` is 1, expected 2", "row 1: `amount` is null, expected 'x'",
    ]  # fmt: skip
    assert differences(example([{"id": 1}]), ExampleOutcome([], [])) == [
        "row 1 is missing: {id: 1, placed_at: null, amount: null}"
    ]
    assert differences(example([]), ExampleOutcome([ROW], [["late"]])) == [
        "row 1 was not expected: {id: 1, placed_at: null, amount: null}", "quarantined rows broke [['late']], expected none",
    ]  # fmt: skip
    assert differences(example([{"id": 1}]), ExampleOutcome([{**ROW, "extra": 1}], [])) == [
        "row 1: `extra` was built, and the contract has no such column"
    ]


def test_a_column_that_was_not_built_and_another_rule_are_named(shop: object) -> None:
    without = {name: value for name, value in ROW.items() if name != "amount"}
    assert differences(example([{"id": 1}]), ExampleOutcome([without], [])) == ["row 1: `amount` was not built"]
    assert differences(example([{"id": 1}], [["early"]]), ExampleOutcome([ROW], [["late"]])) == [
        "quarantined rows broke [['late']], expected [['early']]"
    ]
