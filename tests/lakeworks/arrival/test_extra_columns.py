"""A column outside the contract has one type in every published file, or the run stops."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.arrival.contract_rows import Conformed, conform
from lakeworks.core.types import LakeType
from lakeworks.errors import SchemaDrift
from lakeworks.landing.readable_file import ReadableFile
from tests.conftest import contract_of


def received(folder: Path, note: pa.Array, before: str | None, policy: str = "widen") -> Conformed:
    pq.write_table(pa.table({"id": [1] * len(note), "Note": note}), folder / "month.parquet")
    columns = {"id": {"type": "bigint", "description": ""}}
    contract = contract_of("bronze.test.rows", columns=columns, grain=[], schema_policy=policy)
    known = {"note": LakeType.parse(before)} if before else {}
    return conform([ReadableFile(folder / "month.parquet", "month.parquet")], contract, folder, published=lambda: known)


@pytest.mark.parametrize(
    ("before", "note", "kept"),
    [
        (None, pa.array([7], pa.int32()), "int"),
        ("bigint", pa.array([7], pa.int32()), "bigint"),
        ("int", pa.array([7], pa.int64()), "bigint"),
        ("bigint", pa.array([7.0]), "bigint"),
        ("float", pa.array([7.5]), "double"),
        ("string", pa.array([None], pa.int64()), "string"),
        ("struct<a:int>", pa.array([{"a": 1, "b": 2}]), "struct<a:bigint,b:bigint>"),
    ],
    ids=["new", "narrower", "wider", "whole numbers", "float", "no value", "struct"],
)
def test_it_is_kept_in_the_published_type_or_a_wider_one(
    tmp_path: Path, before: str | None, note: pa.Array, kept: str
) -> None:
    conformed = received(tmp_path, note, before)
    assert [(name, str(kind)) for name, kind in conformed.extra] == [("Note", kept)]
    rows: list[Any] = conformed.reader.read_all().column("Note").to_pylist()
    assert rows == note.to_pylist()


@pytest.mark.parametrize(
    ("before", "note"),
    [("string", pa.array([7])), ("bigint", pa.array(["text"])), ("bigint", pa.array([1.5])),
     ("float", pa.array([2**24 + 1])), ("date", pa.array([7]))],
    ids=["number after text", "text after number", "fraction", "too exact", "number after date"],
)  # fmt: skip
def test_a_value_that_does_not_fit_what_is_published_stays_in_landing_and_stops_nothing(
    tmp_path: Path, before: str, note: pa.Array
) -> None:
    """One unwanted field stopped the table for the day."""
    conformed = received(tmp_path, note, before)
    rows = conformed.reader.read_all()
    assert rows.to_pylist() == [{"id": 1, "Note": None}]
    assert str(rows.schema.field("Note").type) == str(LakeType.parse(before).arrow)
    assert any(
        text.startswith(f"`Note` has values that do not fit {before}, kept in landing") for text in conformed.drift
    )


@pytest.mark.parametrize("before", [None, "double"])
def test_a_column_without_a_type_claims_none(tmp_path: Path, before: str | None) -> None:
    """It was published as text, and contradicted the numbers of the month after."""
    conformed = received(tmp_path, pa.nulls(2), before)
    assert conformed.extra == ()
    assert conformed.reader.read_all().column_names == ["id"]
    assert conformed.drift == ("`Note` is new and has no value yet; kept in landing only",)


@pytest.mark.parametrize(("before", "note"), [("bigint", pa.array([7], pa.int32())), ("int", pa.array([7]))])
def test_another_type_is_a_difference_that_add_nullable_refuses(tmp_path: Path, before: str, note: pa.Array) -> None:
    with pytest.raises(SchemaDrift, match=f"`Note` came as .*published before as {before}.*`add_nullable`"):
        received(tmp_path, note, before, "add_nullable")


def test_a_member_of_a_struct_is_taken_whatever_its_case(tmp_path: Path) -> None:
    """`Fee` inside a struct was left out, and `fee` was null."""
    pq.write_table(pa.table({"id": [1], "s": [{"Fee": 1.25, "more": 1}]}), tmp_path / "month.parquet")
    columns = {"id": {"type": "bigint", "description": ""}, "s": {"type": "struct<fee:double>", "description": ""}}
    contract = contract_of("bronze.test.rows", columns=columns, grain=[], schema_policy="widen")
    file = ReadableFile(tmp_path / "month.parquet", "month.parquet")
    conformed = conform([file], contract, tmp_path)
    assert conformed.reader.read_all().to_pylist() == [{"id": 1, "s": {"fee": 1.25}}]
    assert any("`s` came as struct<Fee" in text for text in conformed.drift)
    assert "`s.more` is new, kept in landing only" in conformed.drift
    with pytest.raises(SchemaDrift, match="`s` came as struct<Fee"):
        conform([file], contract.model_copy(update={"schema_policy": "freeze"}), tmp_path)
