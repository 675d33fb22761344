"""Limits of names, types, keys and values: what Glue, Hive, Athena and S3 can have."""

import duckdb
import pytest

from lakeworks.core.hive import HIVE_NULL
from lakeworks.core.lake_limits import (
    arriving_fault,
    check_key,
    column_fault,
    cut,
    is_keyword,
    name_fault,
    value_fault,
    value_rule,
)
from lakeworks.core.types import LakeType
from lakeworks.errors import NotStorable

INT = LakeType("int")


@pytest.mark.parametrize("name", ["VendorID", "_2nd", "größe", "名前", "order", "a" * 255])
def test_names_of_letters_digits_and_underscores_are_names(name: str) -> None:
    assert name_fault(name) is None


@pytest.mark.parametrize(
    "name", ["", " ", " v ", "id;v", "a b", "a.b", "a-b", "a\nb", "`a`", "$path", "ü" * 128, "a" * 256, "x\ud83d"]
)
def test_other_names_are_faults(name: str) -> None:
    assert name_fault(name)


@pytest.mark.parametrize(
    "kind",
    [
        "struct<Up-x:int>",
        "list<struct<a:int,b:struct<c d:int>>>",
        "struct<A:int,a:int>",
        "struct<a:int,A:int>",
        "map<string,struct<x.y:int>>",
    ],
)
def test_members_of_structs_have_the_limits_of_columns(kind: str) -> None:
    assert "member" in str(column_fault("props", LakeType.parse(kind), ()))


def test_a_type_longer_than_glue_takes_is_a_fault() -> None:
    wide = LakeType("struct", tuple((f"member_{number}_{'x' * 60}", INT) for number in range(2000)))
    assert "and Glue takes 131072" in str(column_fault("props", wide, ()))


@pytest.mark.parametrize("name", ["year", "Year", "MONTH"])
def test_a_column_named_as_a_partition_key_is_a_fault_however_spelled(name: str) -> None:
    assert "partition key" in str(column_fault(name, INT, ("year", "month", "day")))
    assert column_fault(name, INT, ("region",)) is None


@pytest.mark.parametrize("name", ["_run_id", "_RUN_ID", "_ingested_at", "_broken_rules", "_reason"])
def test_names_the_lake_fills_do_not_arrive(name: str) -> None:
    assert arriving_fault(name, INT, ())


@pytest.mark.parametrize(
    "value", ["x", "", "a/b", HIVE_NULL, "%" * 10, "%" * 11, "ü" * 15, "ü" * 16, "\x01" * 10, "a" * 31]
)
def test_the_rule_in_sql_judges_values_as_the_function_does(value: str) -> None:
    found = duckdb.execute(f"SELECT {value_rule('v', 30)} FROM (SELECT ? AS v)", [value]).fetchone()
    assert found == (value == "" or value_fault(value, 30) is None,)


def test_a_key_beyond_what_s3_takes_is_refused_in_bytes() -> None:
    assert check_key("k" * 1024)
    with pytest.raises(NotStorable, match=r"has 1026 bytes, and S3 takes 1024. Nothing was stored"):
        check_key("ü" * 513)


def test_texts_are_cut_at_whole_characters_by_bytes() -> None:
    assert cut("ü" * 300, 255) == "ü" * 127


def test_keywords_are_those_that_athena_wants_quoted() -> None:
    assert [name for name in ("order", "End", "group", "session", "v") if is_keyword(name)] == ["order", "End", "group"]
