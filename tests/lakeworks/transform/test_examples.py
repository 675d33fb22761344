"""An example that names something that does not exist is refused: it would prove nothing."""

import copy
from pathlib import Path
from typing import Any

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.types import LakeType
from lakeworks.core.yaml_document import load_yaml, read_yaml
from lakeworks.errors import ContractError
from lakeworks.transform.examples import example_problems, read_examples
from tests.conftest import contract_of

TRIPS, DEMAND = "silver.transport.trips", "gold.transport.hourly_demand"


def shipped(table: str = DEMAND) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = copy.deepcopy(read_yaml(load_contract(table).folder / "examples.yml"))
    return items


def problems(items: Any, table: str = DEMAND) -> list[str]:
    return list(example_problems(load_contract(table), items))


def test_a_shipped_example_has_no_problem() -> None:
    assert problems(shipped()) == []


def test_a_given_table_that_is_not_read_is_refused() -> None:
    items = shipped()
    items[0]["given"]["silver.transport.tripz"] = items[0]["given"].pop(TRIPS)
    (problem,) = problems(items)
    assert "example `the hour is cut at its full minute`: `given.silver.transport.tripz`" in problem
    assert "Did you mean `silver.transport.trips`?" in problem


def test_columns_that_do_not_exist_are_refused_all_at_once() -> None:
    items = shipped()
    items[0]["given"][TRIPS][1]["passenger_cuont"] = 2
    items[0]["expect"][0]["trip_cuont"] = 999
    first, second = problems(items)
    assert (
        "`given.silver.transport.trips` row 2: there is no column `passenger_cuont`. Did you mean `passenger_count`?"
        in first
    )
    assert "`expect` row 1: there is no column `trip_cuont`. Did you mean `trip_count`?" in second


def test_a_column_of_a_landed_file_that_the_sql_does_not_read_is_refused() -> None:
    items = shipped("reference.transport.zones")
    column = next(iter(items[0]["given"]["landing"][0]))
    items[0]["given"]["landing"][0][f"{column}x"] = items[0]["given"]["landing"][0].pop(column)
    (problem,) = problems(items, "reference.transport.zones")
    assert f"there is no column `{column}x`. Did you mean `{column}`?" in problem


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", 1.5), ("int", "7"), ("tinyint", 300), ("double", "x"), ("date", "2019-13-01"), ("string", 5),
        ("decimal(4,2)", 123.456), ("boolean", 1), ("struct<a:int>", {"b": 1}), ("list<string>", ["x", 1]),
    ],
)  # fmt: skip
def test_a_value_that_the_column_cannot_have_is_refused(kind: str, value: Any) -> None:
    contract = contract_of(columns={
        "id": {"type": "bigint", "required": True, "description": "key"}, "v": {"type": kind, "description": "value"},
    })  # fmt: skip
    items = [{"name": "x", "period": "2019-01", "given": {}, "expect": [{"id": 1, "v": value}]}]
    (problem,) = example_problems(contract, items)
    assert problem.startswith("example `x`: `expect` row 1: `v`: ")
    assert str(LakeType.parse(kind)).removeprefix("list<").removesuffix(">") in problem


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"expects": []}, "`expects` is no field of an example. Did you mean `expect`?"),
        ({"period": "January"}, "`period`: "),
        ({"given": []}, "`given` is no mapping"),
        ({"expect": {}}, "`expect` is no list of rows"),
        ({"expect": ["x"]}, "`expect` row 1 is no mapping"),
    ],
)
def test_an_example_of_another_shape_is_refused(change: dict[str, Any], words: str) -> None:
    assert words in problems([{**shipped()[0], **change}])[0]


def test_missing_fields_and_a_name_used_twice_are_refused() -> None:
    assert problems([{"name": "a"}, {"name": "a"}])[0] == "example `a`: the name is used 2 times"
    assert "example `a`: `expect` is missing" in problems([{"name": "a"}])
    assert "list of examples" in problems({})[0]


def test_a_key_that_is_written_twice_is_refused_with_its_line() -> None:
    with pytest.raises(Exception, match=r"the key `a` is written twice\n.*line 2, column 1"):
        load_yaml("a: 1\na: 2\n")


def test_the_error_names_the_file_and_every_problem(tmp_path: Path) -> None:
    (tmp_path / "examples.yml").write_text("- name: a\n")
    with pytest.raises(ContractError) as refused:
        read_examples(load_contract(DEMAND), path=tmp_path / "examples.yml")
    assert str(refused.value).startswith(
        "`include/lake/tables/gold/transport/hourly_demand/examples.yml`: example `a`: `period`"
    )
    assert len(refused.value.problems) == 3
