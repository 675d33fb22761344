"""Duplicates fall out of a sorted stream however it is cut into batches."""

from itertools import groupby
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.engines.duplicates import Duplicates
from tests.conftest import contract_of

SCHEMA = pa.schema([("id", pa.int64()), ("place", pa.string()), ("v", pa.int64()), ("note", pa.string())])
CONTRACT = contract_of(
    columns={
        "id": {"type": "bigint", "required": True, "description": ""},
        "place": {"type": "string", "required": True, "description": ""},
        "v": {"type": "bigint", "description": ""},
        "note": {"type": "string", "description": ""},
    },
    grain=["id", "place"],
    deduplicate_by=["v desc"],
)


def dropped(rows: list[dict[str, Any]], size: int) -> tuple[list[dict[str, Any]], int]:
    with duckdb.connect() as connection:
        duplicates = Duplicates(CONTRACT, connection)
        table = pa.Table.from_pylist(rows, SCHEMA)
        kept = pa.Table.from_batches(duplicates.drop(iter(table.to_batches(max_chunksize=size))), SCHEMA)
        return kept.to_pylist(), duplicates.dropped


def winner(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """`v desc` puts nulls last in the engine, then every column ascending, nulls last again."""
    return min(rows, key=lambda row: (row["v"] is None, -(row["v"] or 0), row["note"] is None, row["note"] or ""))


ROW = st.fixed_dictionaries(
    {
        "id": st.integers(0, 3),
        "place": st.sampled_from(["A", "B"]),
        "v": st.none() | st.integers(0, 2),
        "note": st.none() | st.sampled_from(["x", "y"]),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, max_size=25), st.integers(1, 8))
def test_one_row_of_each_grain_stays_the_same_one_however_the_stream_is_cut(
    drawn: list[dict[str, Any]], size: int
) -> None:
    def grain(row: dict[str, Any]) -> tuple[Any, ...]:
        return (row["id"], row["place"])

    rows = sorted(drawn, key=grain)
    kept, count = dropped(rows, size)
    assert kept == [winner(list(group)) for _, group in groupby(rows, grain)]
    assert count == len(rows) - len(kept)


def test_a_grain_that_fills_several_batches_leaves_one_row() -> None:
    rows = [{"id": 1, "place": "A", "v": number, "note": None} for number in range(10)]
    assert dropped(rows, 3) == ([rows[9]], 9)
