"""Rows of many answers become one stream whose types are those of the values."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lakeworks.engines.json_rows import SpilledRows
from lakeworks.errors import MalformedSource


def spilled(tmp_path: Path, *answers: Any) -> SpilledRows:
    rows = SpilledRows("landing/x", tmp_path)
    for number, answer in enumerate(answers):
        rows.add(answer, {"_of": pa.scalar(f"a{number}")})
    return rows


def listed(rows: SpilledRows) -> list[dict[str, Any]]:
    return pa.Table.from_batches(rows.batches(), rows.schema).to_pylist()


@pytest.mark.parametrize(
    ("one", "other", "kind", "values"),
    [
        (1, 2, "int64", [1, 2]),
        (1, 2.5, "double", [1.0, 2.5]),
        (None, 2.5, "double", [None, 2.5]),
        (None, None, "null", [None, None]),
        (True, False, "bool", [True, False]),
        (1, "x", "string", ["1", "x"]),
        (True, "x", "string", ["true", "x"]),
        ({"a": 1}, ["é"], "string", ['{"a": 1}', '["é"]']),
        (2**70, 1, "string", [str(2**70), "1"]),
        (float("inf"), 1, "double", [float("inf"), 1.0]),
    ],
)
def test_types_are_joined_without_loss_within_and_between_answers(
    tmp_path: Path, one: Any, other: Any, kind: str, values: list[Any]
) -> None:
    (tmp_path / "within").mkdir()
    within = spilled(tmp_path / "within", [{"v": one}, {"v": other}])
    between = spilled(tmp_path, [{"v": one}], [{"v": other}])
    for rows in (within, between):
        assert str(rows.schema.field("v").type) == kind
        assert [row["v"] for row in listed(rows)] == values


def test_columns_of_any_answer_are_there_in_all_and_each_row_knows_its_answer(tmp_path: Path) -> None:
    batch = pa.RecordBatch.from_pydict({"b": pa.array([2], pa.int32())})
    rows = spilled(tmp_path, [{"a": 1}], [], [batch])
    assert listed(rows) == [{"a": 1, "_of": "a0", "b": None}, {"a": None, "_of": "a2", "b": 2}]
    assert listed(rows) == listed(rows), "it can be read again"
    assert rows.rows == 2


def test_no_rows_at_all_have_the_expected_columns(tmp_path: Path) -> None:
    rows = SpilledRows("landing/x", tmp_path, pa.schema([("a", pa.int64())]))
    rows.add([], {})
    assert rows.schema.names == ["a"]
    assert listed(rows) == []


def test_what_makes_no_table_is_malformed(tmp_path: Path) -> None:
    batches = [pa.RecordBatch.from_pydict({"a": [1]}), pa.RecordBatch.from_pydict({"b": [1]})]
    with pytest.raises(MalformedSource, match="`landing/x` does not make a table.*stays in landing"):
        spilled(tmp_path, batches)


def test_a_key_that_first_appears_in_a_later_row_is_a_column(tmp_path: Path) -> None:
    rows = listed(spilled(tmp_path, [{"a": 1}, {"b": 2}]))
    assert rows == [{"a": 1, "b": None, "_of": "a0"}, {"a": None, "b": 2, "_of": "a0"}]
