"""Every table folder keeps its promises; a new table is covered without a new test."""

from pathlib import Path

import pytest
from sqlglot import exp, parse_one

from lakeworks.authoring.example_difference import differences
from lakeworks.authoring.example_runner import given_table, run_example
from lakeworks.authoring.table_check import table_problems
from lakeworks.cli.build.docs import page
from lakeworks.contract import all_tables, load_contract
from lakeworks.core.names import LINEAGE_COLUMNS
from lakeworks.core.partition import Period
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.transform.column_origins import column_lineage
from lakeworks.transform.examples import Example, load_examples
from lakeworks.transform.sql import load_sql, upstream

WITH_SQL = [name for name in all_tables() if load_sql(load_contract(name))]


@pytest.mark.parametrize("table", all_tables())
def test_a_table_has_no_problem(table: str) -> None:
    """Contract, SQL, lineage, source and examples: what `lakeworks table check` looks at."""
    assert [str(problem) for problem in table_problems(table)] == []
    assert load_examples([table]), "at least one example"


@pytest.mark.parametrize("example", load_examples(), ids=str)
def test_given_rows_become_expected_rows(example: Example, tmp_path: Path) -> None:
    assert differences(example, run_example(example, DuckDbEngine(scratch=tmp_path))) == []


@pytest.mark.parametrize(
    "example",
    [one for one in load_examples() if (found := load_contract(one.table).late_data) and found.partition_time],
    ids=str,
)
def test_late_data_names_the_partition_of_every_row_it_makes(example: Example, tmp_path: Path) -> None:
    """`late_data.partition_time` repeats what the transform does; a row outside the touched partitions would be lost."""
    contract = load_contract(example.table)
    assert contract.late_data
    field, touched = contract.partition_by[0], set[str | None]()
    for arrivals in map(load_contract, contract.late_data.upstreams):
        with DuckDbEngine(scratch=tmp_path).session() as session:
            session.attach(arrivals.table, given_table(arrivals, example.given.get(arrivals.name, [])))
            touched |= {
                start and str(Period.containing(start, field.transform))
                for start in session.affected_starts(contract, arrivals.table)
            }
    made = {str(Period.containing(row[str(field.column)], field.transform)) for row in example.expected}
    assert made <= touched


def of_no_column(sql: str) -> set[str]:
    """Names that the SQL gives to literals, to counted rows, and to what it makes of these only."""
    made: dict[str, set[str]] = {}
    for select in parse_one(sql, read="duckdb").find_all(exp.Select):
        for item in select.selects:
            columns = {column.name for column in item.find_all(exp.Column)} - {item.alias_or_name}
            made.setdefault(item.alias_or_name, set()).update(columns)
    names = set(made)
    while more := {name for name in names if not made[name] <= names}:
        names -= more
    return names


@pytest.mark.parametrize("table", WITH_SQL)
def test_every_column_is_traced_to_columns_of_the_tables_it_is_made_of(table: str) -> None:
    contract = load_contract(table)
    sql = load_sql(contract) or ""
    traced = column_lineage(contract, sql, load_contract)
    if not upstream(sql):  # what is landed has no columns yet
        assert contract.source
        assert not any(traced.values())
        return
    untraced = {name for name, origins in traced.items() if not origins}
    assert untraced <= of_no_column(sql)


def test_what_a_group_function_computes_is_traced_through_the_columns_it_takes() -> None:
    """`ema_12` to `rsi_14` had no lineage: SQL does not select them."""
    contract = load_contract("gold.market.technical_indicators")
    traced = column_lineage(contract, load_sql(contract) or "", load_contract)
    prices = {("silver.market.daily_bars", "close_usd"), ("silver.market.daily_bars", "split_factor")}
    for name in ("ema_12", "ema_26", "macd", "macd_signal", "macd_histogram", "rsi_14"):
        assert prices <= set(traced[name]), name
    assert traced["symbol"] == (("silver.market.daily_bars", "symbol"),), "what it takes as it comes stays as SQL says"


@pytest.mark.parametrize("table", all_tables())
def test_documentation_page_is_up_to_date(table: str) -> None:
    path = Path(__file__).parents[1] / "docs" / "tables" / f"{table}.md"
    assert path.read_text() == page(table), "run `make docs`"


@pytest.mark.parametrize("table", all_tables())
def test_columns_the_lake_adds_are_known_as_lineage(table: str) -> None:
    """`lakeworks diff` compares rows without them; one it does not know would make every row of another fetch a changed one."""
    added = {name for name in load_contract(table).columns if name.startswith("_")}
    assert added <= set(LINEAGE_COLUMNS)
