"""Group functions: each group whole and alone, where batches are cut; faults name table and group."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.core.partition import Period
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.engines.group_apply import apply, groups
from lakeworks.errors import ContractError
from lakeworks.transform.group_functions import GroupFunction, load_function
from tests.conftest import contract_of

COLUMNS = {
    "key": {"type": "string", "required": True, "description": "group"},
    "id": {"type": "bigint", "required": True, "description": "row"},
    "total": {"type": "double", "description": "of the group"},
}
CONTRACT = contract_of("gold.test.totals", grain=["key", "id"], columns=COLUMNS)


def totals(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(total=float(rows["id"].sum()))


def batches(rows: list[tuple[Any, ...]], cuts: list[int]) -> Iterator[pa.RecordBatch]:
    names = ["key", "other"][: len(rows[0]) - 1] if rows else ["key"]
    whole = pa.table({name: [row[i] for row in rows] for i, name in enumerate([*names, "id"])})
    edges = sorted({0, len(rows), *(cut % (len(rows) + 1) for cut in cuts)})
    for start, end in pairwise(edges):
        yield from whole.slice(start, end - start).combine_chunks().to_batches()


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 9)), min_size=1),
    st.lists(st.integers(0, 50)),
)
def test_each_group_comes_once_and_whole(rows: list[tuple[str, str, int]], cuts: list[int]) -> None:
    rows = sorted(rows)
    found = [table.to_pylist() for table in groups(batches(rows, cuts), ("key", "other"))]
    expected: dict[tuple[str, str], list[int]] = {}
    for key, other, number in rows:
        expected.setdefault((key, other), []).append(number)
    assert [(g[0]["key"], g[0]["other"]) for g in found] == list(expected)
    assert [[row["id"] for row in group] for group in found] == list(expected.values())


def test_no_rows_make_no_group() -> None:
    assert list(groups([], ("key",))) == []


def test_only_one_group_is_held_at_a_time() -> None:
    """The second group is not asked for before the first was handed on."""
    taken: list[str] = []

    def stream() -> Iterator[pa.RecordBatch]:
        for key in "abc":
            taken.append(key)
            yield pa.record_batch({"key": [key], "id": [1]})

    reading = groups(stream(), ("key",))
    next(reading)
    assert taken == ["a", "b"], "the group ends where the next begins"


def run(function: Callable[[pd.DataFrame], pd.DataFrame], scratch: Path, sql: str) -> list[dict[str, Any]]:
    with DuckDbEngine(scratch=scratch).session() as session:
        built = session.build(CONTRACT, sql, (), Period.parse("2019-01"), GroupFunction(("key",), function))
        rows: list[dict[str, Any]] = built.staged().read_all().to_pylist()
        return rows


def test_the_engine_runs_it_over_many_groups(tmp_path: Path) -> None:
    sql = "SELECT 'g' || lpad(CAST(i % 200 AS VARCHAR), 4, '0') AS key, i AS id FROM range(250000) AS r(i)"
    found = run(totals, tmp_path, sql)
    assert len(found) == 250_000
    assert found[0] == {"key": "g0000", "id": 0, "total": float(sum(range(0, 250_000, 200)))}
    assert found[-1] == {"key": "g0199", "id": 249_999, "total": float(sum(range(199, 250_000, 200)))}


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda rows: rows, "KeyError"),
        (lambda rows: rows.assign(total="many"), "many"),
        (lambda rows: totals(rows) if rows["key"].iloc[0] == "a" else 1 / 0, "b .ZeroDivisionError"),
    ],
)
def test_a_fault_names_table_and_group(function: Callable[..., Any], says: str, tmp_path: Path) -> None:
    sql = "SELECT key, id FROM (VALUES ('a', 1), ('b', 2)) AS t(key, id)"
    with pytest.raises(ContractError, match=rf"`gold.test.totals`: transform.py fails on the group .*{says}"):
        run(function, tmp_path, sql)


def test_nothing_is_left_when_it_fails(tmp_path: Path) -> None:
    with pytest.raises(ContractError):
        run(lambda rows: rows, tmp_path, "SELECT 'a' AS key, 1 AS id")
    assert list(tmp_path.iterdir()) == []


def test_types_are_the_contracts(tmp_path: Path) -> None:
    found = list(apply([pa.record_batch({"key": ["a"], "id": [1]})], GroupFunction(("key",), totals), CONTRACT))
    assert found[0].schema == pa.schema([("key", pa.string()), ("id", pa.int64()), ("total", pa.float64())])


def test_a_table_of_sql_alone_has_no_function() -> None:
    assert load_function(CONTRACT) is None
