"""Every shipped transform, rendered for Spark, turns the given rows of its examples into the expected ones there.

Run by `make conformance`. What follows a transform in a run (rules, grain, masking, functions of groups) is the lake's, so an example's
rows are compared before that: with what the same text gives in DuckDB.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.authoring.example_runner import given_table
from lakeworks.contract import all_tables, load_contract
from lakeworks.core.names import TableName
from lakeworks.core.partition import Period
from lakeworks.transform.examples import Example, inputs, load_examples
from lakeworks.transform.sql import LANDING, bind, load_sql, render
from tests.conformance.spark_session import rows_in, rows_of

WITH_SQL = [name for name in all_tables() if load_sql(load_contract(name))]


def given(example: Example) -> dict[str, pa.Table]:
    """What the example gives, by the name its SQL uses."""
    found = {}
    for name in inputs(load_contract(example.table)):
        rows = example.given.get(name, [])
        if name == LANDING:
            landed = pa.Table.from_pylist([dict(row) for row in rows])
            text = [
                pa.field(item.name, pa.string() if pa.types.is_null(item.type) else item.type) for item in landed.schema
            ]
            found[LANDING] = landed.cast(pa.schema(text))  # a column without any value: text, as in the files
        else:
            table = TableName.parse(name)
            found[f"{table.database}.{table.table}"] = given_table(load_contract(name), rows)
    return found


def by_duckdb(sql: str, tables: dict[str, pa.Table]) -> pa.Table:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.partition('.')[0]}")
            connection.register("given", table)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        return connection.execute(sql).to_arrow_table()


def by_spark(spark: Any, sql: str, tables: dict[str, pa.Table], folder: Path) -> list[dict[str, Any]]:
    for name, table in tables.items():
        path = folder / name
        path.mkdir()
        pq.write_table(table, path / "part-00000.parquet")
        if name == LANDING:
            spark.read.parquet(str(path)).createOrReplaceTempView(name)
            continue
        spark.sql(f"CREATE DATABASE IF NOT EXISTS {name.partition('.')[0]}")
        spark.sql(f"DROP TABLE IF EXISTS {name}")
        columns = load_contract(name.replace("_", ".", 1)).columns.items()
        told = ", ".join(f"`{column.lower()}` {kind.type.glue}" for column, kind in columns)  # as Glue has them
        spark.sql(f"CREATE TABLE {name} ({told}) USING parquet LOCATION '{path}'")
    return rows_of(spark.sql(render(sql, "spark")))


def counted(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(str(sorted(row.items())) for row in rows)


@pytest.mark.parametrize("table", WITH_SQL)
def test_spark_parses_every_transform(spark: Any, table: str) -> None:
    sql = render(bind(load_sql(load_contract(table)) or "", Period.parse("2026-01")), "spark")
    assert spark._jsparkSession.sessionState().sqlParser().parsePlan(sql)


@pytest.mark.parametrize("example", [one for one in load_examples() if one.table in WITH_SQL], ids=str)
def test_an_examples_rows_are_the_same(spark: Any, example: Example, tmp_path: Path) -> None:
    sql = bind(load_sql(load_contract(example.table)) or "", Period.parse(example.period))
    tables = given(example)
    expected = counted(rows_in(by_duckdb(sql, tables)))
    assert counted(by_spark(spark, sql, tables, tmp_path)) == expected
