"""Every shipped transform, rendered for Spark, turns the given rows of its examples into the expected ones there.

Run by `make conformance`. What follows a transform in a run (rules, grain, masking, functions of groups) is the lake's, so an example's
rows are compared before that: with what the same text gives in DuckDB.
"""

from pathlib import Path
from typing import Any

import pytest

from lakeworks.authoring.example_engines import by_duckdb, given_tables, glue_types, row_differences
from lakeworks.contract import all_tables, load_contract
from lakeworks.core.partition import Period
from lakeworks.engines.spark import query_given
from lakeworks.transform.examples import Example, load_examples
from lakeworks.transform.sql import bind, load_sql, render

WITH_SQL = [name for name in all_tables() if load_sql(load_contract(name))]


@pytest.mark.parametrize("table", WITH_SQL)
def test_spark_parses_every_transform(spark: Any, table: str) -> None:
    sql = render(bind(load_sql(load_contract(table)) or "", Period.parse("2026-01")), "spark")
    assert spark._jsparkSession.sessionState().sqlParser().parsePlan(sql)


@pytest.mark.parametrize("example", [one for one in load_examples() if one.table in WITH_SQL], ids=str)
def test_an_examples_rows_are_the_same(spark: Any, example: Example, tmp_path: Path) -> None:
    sql, tables = (
        bind(load_sql(load_contract(example.table)) or "", Period.parse(example.period)),
        given_tables(example),
    )
    found = query_given(spark, render(sql, "spark"), tables, glue_types(example), tmp_path)
    assert row_differences(by_duckdb(sql, tables), found) == []
