"""The order rows are published in, and what the engine may conclude from it."""

from typing import Any

import pytest

from lakeworks.engines.build_sql import duplicates_meet, mask_columns, publishing_order
from lakeworks.quality.rules import row_rules
from tests.conftest import contract_of

COLUMNS = {
    "id": {"type": "bigint", "required": True, "description": ""},
    "at": {"type": "timestamp", "required": True, "description": ""},
    "symbol": {"type": "string", "required": True, "description": ""},
    "weight": {"type": "double", "required": True, "description": ""},
}


@pytest.mark.parametrize(
    ("partition_by", "grain", "order", "meet"),
    [
        (["day(at)"], ["id", "at"], ['"at"', '"id"'], True),
        (["day(at)"], ["id"], ["date_trunc('day', \"at\")", '"id"'], False),
        (["symbol", "day(at)"], ["symbol", "at"], ['"symbol"', '"at"'], True),
        # here `at` would tear a day's symbols apart
        (["day(at)", "symbol"], ["at", "symbol"], ["date_trunc('day', \"at\")", '"symbol"', '"at"'], True),
        (["symbol"], ["id"], ['"symbol"', '"id"'], False),
        (["month"], ["id"], ['"id"'], True),
        ([], ["id", "weight"], ['"id"', '"weight"'], False),  # NaN is not equal to itself
        (["day(at)"], [], ['"at"', '"id"', '"symbol"', '"weight"'], False),
    ],
)
def test_publishing_order(partition_by: list[str], grain: list[str], order: list[str], meet: bool) -> None:
    contract = contract_of(columns=COLUMNS, partition_by=partition_by, grain=grain)
    assert publishing_order(contract) == order
    assert duplicates_meet(contract) == meet


@pytest.mark.parametrize(
    ("sort_by", "grain", "order", "meet"),
    [
        (["symbol"], ["id", "at"], ["date_trunc('day', \"at\")", '"symbol"', '"id"', '"at"'], False),
        (["at"], ["id", "at"], ['"at"', '"id"'], True),
        (["id"], ["at", "id"], ["date_trunc('day', \"at\")", '"id"', '"at"'], True),
        (["symbol"], [], ["date_trunc('day', \"at\")", '"symbol"', '"id"', '"at"', '"weight"'], False),
    ],
)
def test_publishing_order_with_sort_by(sort_by: list[str], grain: list[str], order: list[str], meet: bool) -> None:
    contract = contract_of(columns=COLUMNS, partition_by=["day(at)"], grain=grain, storage={"sort_by": sort_by})
    assert publishing_order(contract) == order
    assert duplicates_meet(contract) == meet


def test_rules_beyond_a_numbers_bits_take_another_column() -> None:
    def columns(count: int) -> dict[str, Any]:
        return {f"c{n}": {"type": "int", "required": True, "description": ""} for n in range(count)}

    sizes = {
        count: len(mask_columns(row_rules(contract_of(columns=columns(count), grain=["c0"]))))
        for count in (1, 62, 63, 125)
    }
    assert sizes == {1: 1, 62: 1, 63: 2, 125: 3}
