"""A real month of taxi trips, bronze to gold: Spark reads the same rows, and its own run of the rendered transforms gives them too.

Run by `make conformance`.
"""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lakeworks.contract import load_contract
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.sources import Source
from lakeworks.sources.http.client import HttpSource
from lakeworks.sources.vendors.nyc_tlc import NycTlc
from lakeworks.transform.sql import bind, load_sql, render
from tests.conformance.spark_session import downloaded, register, rows_in, rows_of
from tests.conformance.test_spark import ours
from tests.lakeworks.pipeline.test_pipeline import JANUARY, SILVER, TAXI, step

RunAt = Callable[..., Run]


@pytest.fixture
def january(spark: Any, lake: Lake, replay_url: str, run_at: RunAt, tmp_path: Path) -> Lake:
    """A month through the pipeline, and every table of it in Spark under its SQL name."""
    source: Source = NycTlc(HttpSource(replay_url, sleep=lambda _: None))
    for name in TAXI:
        table = load_contract(name).table
        step(lake, name, run_at(1), source)
        spark.sql(f"CREATE DATABASE IF NOT EXISTS {table.database}")
        spark.sql(f"DROP TABLE IF EXISTS {table.database}.{table.table}")
        downloaded(lake, load_contract(name), tmp_path)
        register(spark, lake, load_contract(name), tmp_path, f"{table.database}.{table.table}")
    return lake


def counted(rows: list[dict[str, Any]]) -> Counter[str]:
    """Rows whatever their order."""
    return Counter(str(sorted(row.items())) for row in rows)


def test_spark_reads_every_row_and_its_sums_by_day_are_equal(spark: Any, january: Lake) -> None:
    for name in TAXI:
        contract = load_contract(name)
        # Glue's names are lower case; the keys are read as columns of their own
        names = {column.lower(): column for column in contract.columns}
        found = rows_of(spark.table(f"{contract.table.database}.{contract.table.table}").select(*names))
        assert counted([{names[key]: value for key, value in row.items()} for row in found]) == counted(
            rows_in(ours(january, contract))
        ), name
    asked = "SELECT CAST(pickup_at AS DATE) AS day, COUNT(*) AS trips, SUM(total_amount_usd) AS usd FROM {} GROUP BY 1 ORDER BY 1"
    trips = ours(january, load_contract(SILVER))  # noqa: F841 - DuckDB finds it by its name
    assert rows_of(spark.sql(asked.format("silver_transport.trips"))) == rows_in(
        duckdb.sql(asked.format("trips")).to_arrow_table()
    )


def transformed(spark: Any, table: str) -> list[dict[str, Any]]:
    return rows_of(spark.sql(render(bind(load_sql(load_contract(table)) or "", JANUARY), "spark")))


def test_the_rendered_transforms_give_the_same_rows_in_spark(spark: Any, january: Lake) -> None:
    trips = counted(rows_in(ours(january, load_contract(SILVER))))
    found = counted(transformed(spark, SILVER))
    assert found >= trips
    assert (found.total(), trips.total()) == (10_000, 9_982), "the contract's rules set the others aside afterwards"
    demand = "gold.transport.hourly_demand"
    assert counted(transformed(spark, demand)) == counted(rows_in(ours(january, load_contract(demand))))


def test_means_differ_by_their_last_digit_where_they_lie_between_two(spark: Any, january: Lake) -> None:
    """16.365 is no double: DuckDB rounds 16.36499... to two digits, Spark the shortest text of it, which ends in 5."""
    summary = load_contract("gold.transport.zone_daily_summary")
    means = {name for name in summary.columns if name.startswith("avg_")}

    def split(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
        return {
            str([(name, value) for name, value in sorted(row.items()) if name not in means]): [
                row[m] for m in sorted(means)
            ]
            for row in rows
        }

    found, expected = split(transformed(spark, summary.name)), split(rows_in(ours(january, summary)))
    assert found.keys() == expected.keys(), "everything that is no mean is the same"
    differ = [(a, b) for key in found for a, b in zip(found[key], expected[key], strict=True) if a != b]
    assert len(differ) < 0.02 * len(found)
    assert all(abs(a - b) == Decimal(1).scaleb(a.as_tuple().exponent) for a, b in differ)
