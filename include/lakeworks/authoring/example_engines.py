"""Engines that run examples: DuckDB, the lake's own engine, and Spark if it is installed."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from lakeworks.authoring.example_difference import differences, shown_row
from lakeworks.authoring.example_runner import given_table, landed_table, run_example
from lakeworks.contract import load_contract
from lakeworks.core.names import TableName
from lakeworks.core.partition import Period
from lakeworks.core.scratch import scratch_folder
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.engines.spark import find_spark, query_given, rows_in, running_spark
from lakeworks.errors import ConfigError
from lakeworks.transform.examples import Example, inputs
from lakeworks.transform.sql import LANDING, bind, load_sql, render

ENGINES = ("duckdb", "spark")


class ExampleEngine(Protocol):
    """An engine that an example can run on."""

    label: str
    """Name and version."""

    def differences(self, example: Example) -> list[str] | None:
        """Return a line for each row or value that differs; None if the example has nothing that this engine runs."""


class DuckDbExamples:
    """Runs an example as a run does: SQL, rules, grain, masking, functions of groups."""

    def __init__(self, scratch: Path) -> None:
        import duckdb

        self.label = f"DuckDB {duckdb.__version__}"
        self._engine = DuckDbEngine(scratch=scratch)

    def differences(self, example: Example) -> list[str] | None:
        """See `ExampleEngine.differences`."""
        return differences(example, run_example(example, self._engine))


class SparkExamples:
    """Runs an example's SQL, rendered for Spark, and compares its rows with those of the same text in DuckDB.

    The later steps of a run (rules, grain, masking, group functions) do not depend on the engine.
    """

    def __init__(self, scratch: Path, version: str, opened: ExitStack) -> None:
        self.label = f"Spark {version}"
        self._scratch, self._opened = scratch, opened
        self._spark: Any = None

    def differences(self, example: Example) -> list[str] | None:
        """See `ExampleEngine.differences`; Spark starts with the first example that has SQL."""
        contract = load_contract(example.table)
        text = load_sql(contract)
        if text is None:
            return None
        self._spark = self._spark or self._opened.enter_context(running_spark(self._scratch / "spark"))
        sql, tables = bind(text, Period.parse(example.period)), given_tables(example)
        with scratch_folder(self._scratch) as folder:
            result = query_given(self._spark, render(sql, "spark"), tables, glue_types(example), folder)
        return row_differences(by_duckdb(sql, tables), result)


@contextmanager
def engines_at_hand(scratch: Path, only: str | None = None) -> Iterator[tuple[list[ExampleEngine], list[str]]]:
    """Yield the engines at hand, and for each that is not the reason and how to get it.

    Raises:
        ConfigError: `only` is no engine, or is not at hand.
    """
    if only is not None and only not in ENGINES:
        raise ConfigError(f"There is no engine `{only}` for examples. Known: {', '.join(ENGINES)}. Nothing was run.")
    engines: list[ExampleEngine] = [] if only == "spark" else [DuckDbExamples(scratch)]
    missing = []
    with ExitStack() as opened:
        if only != "duckdb":
            try:
                engines.append(SparkExamples(scratch, find_spark(), opened))
            except ConfigError as error:
                if only:
                    raise
                missing.append(f"Not at hand: {error}")
        yield engines, missing


def given_tables(example: Example) -> dict[str, pa.Table]:
    """Return what the example gives, by the name that its SQL uses."""
    tables = {}
    for name in inputs(load_contract(example.table)):
        rows = example.given.get(name, [])
        if name == LANDING:
            landed = landed_table(rows)
            text = [
                pa.field(item.name, pa.string() if pa.types.is_null(item.type) else item.type) for item in landed.schema
            ]
            tables[LANDING] = landed.cast(pa.schema(text))  # a column without any value: text, as in the files
        else:
            tables[TableName.parse(name).sql] = given_table(load_contract(name), rows)
    return tables


def glue_types(example: Example) -> dict[str, str]:
    """Return the columns of each table that the example's SQL reads, as Glue has them."""
    contracts = {name: load_contract(name) for name in inputs(load_contract(example.table)) if name != LANDING}
    return {
        TableName.parse(name).sql: ", ".join(
            f"`{column.lower()}` {kind.type.glue}" for column, kind in contract.columns.items()
        )
        for name, contract in contracts.items()
    }


def by_duckdb(sql: str, tables: Mapping[str, pa.Table]) -> list[dict[str, Any]]:
    """Return the rows of the same text in DuckDB, before rules and grain."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.partition('.')[0]}")
            connection.register("given", table)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        return rows_in(connection.execute(sql).to_arrow_table())


def row_differences(expected: Sequence[Mapping[str, Any]], produced: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each row that only one of two engines gives; their order says nothing."""
    unmet, built = (Counter(str(sorted(row.items())) for row in rows) for rows in (expected, produced))
    missing = [row for row in expected if str(sorted(row.items())) in unmet - built]
    extra = [row for row in produced if str(sorted(row.items())) in built - unmet]
    return [f"DuckDB alone gives {shown_row(row)}" for row in missing] + [
        f"Spark alone gives {shown_row(row)}" for row in extra
    ]
