"""Columns that were widened, read by Spark with the columns Glue says: version 4 reads them all, 3.5 needs older partitions rewritten.

Run by `make conformance`. What every reader makes of the same cases: docs/catalog.md.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lakeworks.contract.evolution import changes, left_for_spark_3
from lakeworks.engines.spark import plain
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from tests.conformance.spark_session import by_duckdb, configured, downloaded, register, rows_in, rows_of
from tests.conformance.test_spark import ours
from tests.lakeworks.catalog.test_readers import AFTER, publish, row
from tests.lakeworks.catalog.test_readers import evolved as evolved
from tests.lakeworks.catalog.test_widened import CASES, table

RunAt = Callable[..., Run]
MORE = [
    ("tinyint", "int", 1, 2**20, 1),
    ("smallint", "bigint", 1, 2**40, 1),
    ("smallint", "int", 1, 2**20, 1),
    ("decimal(19,2)", "decimal(38,2)", Decimal("1.50"), Decimal(10) ** 30, Decimal("1.50")),
    ("list<struct<a:tinyint>>", "list<struct<a:int,b:string>>", [{"a": 1}], [{"a": 2**20, "b": "x"}], [{"a": 1, "b": None}]),
    ("float", "double", 2.5, 0.1, 2.5),
    ("struct<a:float>", "struct<a:double>", {"a": 1.5}, {"a": 0.1}, {"a": 1.5}),
    ("decimal(10,2)", "decimal(12,2)", Decimal("1.50"), Decimal("1000000000.25"), Decimal("1.50")),
    ("decimal(8,2)", "decimal(12,2)", Decimal("1.50"), Decimal("1.25"), Decimal("1.50")),
    ("decimal(10,2)", "decimal(20,4)", Decimal("1.50"), Decimal("1.2525"), Decimal("1.5000")),
    ("struct<a:int>", "struct<a:int,b:string>", {"a": 1}, {"a": 2, "b": "x"}, {"a": 1, "b": None}),
    ("list<struct<a:int>>", "list<struct<a:int,b:string>>", [{"a": 1}], [{"a": 2, "b": "x"}], [{"a": 1, "b": None}]),
]  # fmt: skip
ROW_READER = {"spark.sql.parquet.enableVectorizedReader": "false"}


def seen(frame: Any) -> list[Any]:
    return [found["seen"] for found in rows_of(frame.orderBy("began_on"))]


@pytest.mark.parametrize(
    ("old", "new", "first", "second", "read"),
    [*CASES, *MORE],
    ids=[f"{case[0]} to {case[1]}" for case in [*CASES, *MORE]],
)
def test_old_and_new_partitions_are_read_as_the_new_type(
    spark: Any, lake: Lake, run_at: RunAt, tmp_path: Path, old: str, new: str, first: Any, second: Any, read: Any
) -> None:
    before, after = table(old, "1.0.0"), table(new, "1.1.0")
    assert [change.effect for change in changes(before, after)] == ["compatible"]
    publish(lake, before, [row("A", 1, seen=first)], run_at(1))
    publish(lake, after, [row("A", 2, seen=second)], run_at(2))
    folder = downloaded(lake, after, tmp_path)
    expected = [plain(dict(value) if "map" in old else value) for value in (read, second)]
    for told in (ours(lake, after), by_duckdb(folder)):
        assert [item["seen"] for item in rows_in(told.sort_by("began_on"))] == expected
    if not spark.version.startswith("3.") or not left_for_spark_3(before, after):
        assert seen(spark.table(register(spark, lake, after, tmp_path))) == expected
        return
    glue = spark.table(register(spark, lake, after, tmp_path))
    with pytest.raises(Exception, match="SchemaColumnConvertNotSupportedException"):
        seen(glue)
    if old.startswith("decimal"):
        with configured(spark, ROW_READER):
            assert seen(glue) == expected
    publish(lake, after, [row("A", 1, seen=read)], run_at(3))
    downloaded(lake, after, tmp_path)
    again = register(spark, lake, after, tmp_path)
    assert seen(spark.table(again)) == expected, "a partition that runs again is written in the new type"


def test_a_column_that_was_added_is_null_in_older_partitions(spark: Any, evolved: Lake, tmp_path: Path) -> None:
    """Glue's columns are the table's in every partition; one that is not asked for is not read, whatever its type."""
    downloaded(evolved, AFTER, tmp_path)
    found = spark.table(register(spark, evolved, AFTER, tmp_path)).orderBy("zone", "began_on")
    told = [(item["zone"], item["tip"]) for item in rows_of(found.select("zone", "began_on", "tip"))]
    assert told == [("A/B", None), ("A/B", Decimal("1.50")), ("C", None), ("C", None)]
    if not spark.version.startswith("3."):
        names = AFTER.columns
        sort = ours(evolved, AFTER).sort_by([("zone", "ascending"), ("began_on", "ascending")]).select(list(names))
        assert rows_of(found.select(*names)) == rows_in(sort)


def test_without_glues_columns_spark_takes_those_of_one_file_and_may_read_wrong_numbers(
    spark: Any, lake: Lake, run_at: RunAt, tmp_path: Path
) -> None:
    """`spark.read.parquet(folder)` over a widened column; `mergeSchema` refuses instead. The docs say to read by Glue's columns."""
    before, after = table("tinyint", "1.0.0"), table("int", "1.1.0")
    publish(lake, before, [row("A", 1, seen=1)], run_at(1))
    publish(lake, after, [row("A", 2, seen=2**20 + 5)], run_at(2))
    folder = str(downloaded(lake, after, tmp_path))
    assert seen(spark.read.parquet(folder)) == [1, 5]
    with pytest.raises(Exception, match="CANNOT_MERGE_SCHEMAS"):
        seen(spark.read.option("mergeSchema", "true").parquet(folder))
