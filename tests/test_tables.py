"""Every table folder keeps its promises; a new table is covered without a new test."""

from pathlib import Path

import pytest
from sqlglot import parse_one

from lakeworks.authoring.example_runner import given_table, run_example
from lakeworks.cli.build.docs import page
from lakeworks.contract import all_tables, load_contract
from lakeworks.core.names import LINEAGE_COLUMNS
from lakeworks.core.partition import Period
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.transform.column_lineage import column_lineage
from lakeworks.transform.examples import Example, load_examples
from lakeworks.transform.group_functions import has_function, load_function
from lakeworks.transform.sql import lint, load_sql, render, upstream

WITH_SQL = [name for name in all_tables() if load_sql(load_contract(name))]


@pytest.mark.parametrize("table", all_tables())
def test_folder_is_complete(table: str) -> None:
    contract = load_contract(table)
    names = {path.name for path in contract.folder.iterdir()}
    assert {"contract.yml", "examples.yml"} <= names
    assert contract.source or "transform.sql" in names, "a table has a source or a transform"
    assert load_examples([table]), "at least one example"


@pytest.mark.parametrize("example", load_examples(), ids=str)
def test_given_rows_become_expected_rows(example: Example, tmp_path: Path) -> None:
    outcome = run_example(example, DuckDbEngine(scratch=tmp_path))
    assert outcome.rows == example.expected
    assert sorted(map(sorted, outcome.quarantined)) == sorted(map(sorted, example.quarantined))


@pytest.mark.parametrize(
    "example",
    [one for one in load_examples() if (found := load_contract(one.table).rebuilds) and found.dated_by],
    ids=str,
)
def test_late_data_names_the_partition_of_every_row_it_makes(example: Example, tmp_path: Path) -> None:
    """`rebuilds.dated_by` repeats what the transform does; a row outside the touched partitions would be lost."""
    contract = load_contract(example.table)
    assert contract.rebuilds
    upstream, field = load_contract(contract.rebuilds.touched_by), contract.partition_by[0]
    with DuckDbEngine(scratch=tmp_path).session() as session:
        session.attach(upstream.table, given_table(upstream, example.given[upstream.name]))
        touched = {
            start and str(Period.containing(start, field.transform))
            for start in session.touched(contract, upstream.table)
        }
    made = {str(Period.containing(row[str(field.column)], field.transform)) for row in example.expected}
    assert made <= touched


@pytest.mark.parametrize("table", WITH_SQL)
def test_sql_stays_in_the_portable_subset(table: str) -> None:
    contract = load_contract(table)
    assert lint(load_sql(contract) or "", contract) == []


@pytest.mark.parametrize("table", WITH_SQL)
@pytest.mark.parametrize("dialect", ["athena", "spark"])
def test_sql_is_rendered_for_other_engines(table: str, dialect: str) -> None:
    rendered = parse_one(render(load_sql(load_contract(table)) or "", dialect), read=dialect)
    assert len(rendered.selects) == len(parse_one(load_sql(load_contract(table)) or "", read="duckdb").selects)


@pytest.mark.parametrize("table", WITH_SQL)
def test_upstream_tables_exist_and_lie_in_the_same_or_a_lower_layer(table: str) -> None:
    order = ["reference", "bronze", "silver", "gold"]
    for name in upstream(load_sql(load_contract(table)) or ""):
        assert load_contract(str(name)).table == name
        assert order.index(name.layer) <= order.index(load_contract(table).table.layer)


# Columns that are literals (a vendor's name and rank, a kind), counts of rows, or the run's own date: made of no column.
OF_NO_COLUMN = {
    "gold.commerce.customer_360_daily": {"snapshot_date", "order_count_90d"},
    "gold.commerce.top_customers": {"order_count"},
    "gold.market.market_daily_summary": {"symbol_count"},
    "gold.market.portfolio_values": {"holding_count"},
    "gold.transport.hourly_demand": {"trip_count"},
    "gold.transport.zone_daily_summary": {"trip_count"},
    "silver.market.corporate_actions": {"action_type", "vendor", "vendor_rank"},
    "silver.market.crypto_bars": {"point_count"},
    "silver.market.daily_bars": {"asset_class", "vendor", "vendor_rank"},
}


@pytest.mark.parametrize("table", WITH_SQL)
def test_every_column_is_traced_to_columns_of_the_tables_it_is_made_of(table: str) -> None:
    contract = load_contract(table)
    sql = load_sql(contract) or ""
    traced = column_lineage(contract, sql, load_contract)
    if not upstream(sql):  # what is landed has no columns yet
        assert contract.source
        assert not any(traced.values())
        return
    assert {name for name, origins in traced.items() if not origins} == OF_NO_COLUMN.get(table, set())
    for name, column in {origin for origins in traced.values() for origin in origins}:
        assert column in load_contract(name).columns


def test_what_a_group_function_computes_is_traced_through_the_columns_it_takes() -> None:
    """`ema_12` to `rsi_14` had no lineage: SQL does not select them."""
    contract = load_contract("gold.market.technical_indicators")
    traced = column_lineage(contract, load_sql(contract) or "", load_contract)
    prices = {("silver.market.daily_bars", "close_usd"), ("silver.market.daily_bars", "split_factor")}
    for name in ("ema_12", "ema_26", "macd", "macd_signal", "macd_histogram", "rsi_14"):
        assert prices <= set(traced[name]), name
    assert traced["symbol"] == (("silver.market.daily_bars", "symbol"),), "what it takes as it comes stays as SQL says"


@pytest.mark.parametrize("table", [name for name in all_tables() if has_function(load_contract(name))])
def test_a_group_function_loads_by_its_name_and_groups_by_columns_of_the_table(table: str) -> None:
    function = load_function(load_contract(table))
    assert function
    assert set(function.group_by) <= set(load_contract(table).grain)
    assert "transform.sql" in {path.name for path in load_contract(table).folder.iterdir()}, "SQL selects its input"
    selected = set(parse_one(load_sql(load_contract(table)) or "", read="duckdb").named_selects)
    assert {column for columns in function.made_of.values() for column in columns} <= selected
    assert set(function.made_of) == set(load_contract(table).columns) - selected, "what it computes says what of"


@pytest.mark.parametrize("table", all_tables())
def test_documentation_page_is_up_to_date(table: str) -> None:
    path = Path(__file__).parents[1] / "docs" / "tables" / f"{table}.md"
    assert path.read_text() == page(table), "run `make docs`"


@pytest.mark.parametrize("table", all_tables())
def test_columns_the_lake_adds_are_known_as_lineage(table: str) -> None:
    """`lakeworks diff` compares rows without them; one it does not know would make every row of another fetch a changed one."""
    added = {name for name in load_contract(table).columns if name.startswith("_")}
    assert added <= set(LINEAGE_COLUMNS)
