"""One type table, five renderings, no guessing."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.core.types import LakeType, from_arrow
from lakeworks.errors import ContractError

PRIMITIVES = [
    "boolean",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "float",
    "double",
    "string",
    "binary",
    "date",
    "timestamp",
]
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)


def types() -> st.SearchStrategy[LakeType]:
    decimals = st.integers(1, 38).flatmap(
        lambda p: st.integers(0, p).map(lambda s: LakeType("decimal", precision=p, scale=s))
    )
    leaves = st.sampled_from(PRIMITIVES).map(LakeType) | decimals

    def nested(inner: st.SearchStrategy[LakeType]) -> st.SearchStrategy[LakeType]:
        structs = st.lists(st.tuples(NAMES, inner), min_size=1, max_size=3, unique_by=lambda pair: pair[0])
        return (
            inner.map(lambda t: LakeType("list", (("item", t),)))
            | st.tuples(st.sampled_from(["string", "int"]).map(LakeType), inner).map(
                lambda kv: LakeType("map", (("key", kv[0]), ("value", kv[1])))
            )
            | structs.map(lambda members: LakeType("struct", tuple(members)))
        )

    return st.recursive(leaves, nested, max_leaves=5)


@given(types())
def test_every_type_survives_its_spelling_and_arrow(kind: LakeType) -> None:
    assert LakeType.parse(str(kind)) == kind
    assert from_arrow(kind.arrow) == kind


@pytest.mark.parametrize(
    ("text", "glue", "duckdb", "postgres"),
    [
        ("bigint", "bigint", "BIGINT", "bigint"),
        ("decimal(12,2)", "decimal(12,2)", "DECIMAL(12,2)", "numeric(12,2)"),
        ("list<int>", "array<int>", "INTEGER[]", "integer[]"),
        ("map<string,double>", "map<string,double>", "MAP(VARCHAR, DOUBLE)", "jsonb"),
        (
            "struct<a:int,b:list<string>>",
            "struct<a:int,b:array<string>>",
            'STRUCT("a" INTEGER, "b" VARCHAR[])',
            "jsonb",
        ),
    ],
)
def test_renderings(text: str, glue: str, duckdb: str, postgres: str) -> None:
    kind = LakeType.parse(text)
    assert (kind.glue, kind.duckdb, kind.postgres) == (glue, duckdb, postgres)


@pytest.mark.parametrize(
    "text", ["strng", "decimal(40,2)", "decimal(2,3)", "list<int,int>", "map<string>", "struct<int>", ""]
)
def test_an_unknown_type_is_an_error_never_string(text: str) -> None:
    with pytest.raises(ContractError):
        LakeType.parse(text)


@pytest.mark.parametrize("arrow", [pa.null(), pa.duration("s"), pa.time32("s"), pa.uint64()])
def test_an_arrow_type_without_contract_type_is_an_error(arrow: pa.DataType) -> None:
    with pytest.raises(ContractError, match="has no contract type"):
        from_arrow(arrow)


def test_widening_of_types_the_contract_does_not_have() -> None:
    assert from_arrow(pa.uint32()) == LakeType("bigint")
    assert from_arrow(pa.large_string()) == LakeType("string")
    assert from_arrow(pa.timestamp("ns", "UTC")) == LakeType("timestamp")
    assert from_arrow(pa.dictionary(pa.int32(), pa.string())) == LakeType("string")
