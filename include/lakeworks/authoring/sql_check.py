"""Check of a table's transform.sql: portable, reads tables that exist, gives the contract's columns and types."""

from collections.abc import Iterator

from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.core.names import TableName, suggestion
from lakeworks.core.partition import Period
from lakeworks.errors import ContractError, Problem
from lakeworks.transform.column_origins import column_lineage
from lakeworks.transform.group_functions import has_function
from lakeworks.transform.sql import bind, lint, load_sql, render, upstream

LAYERS = ("reference", "bronze", "silver", "gold")
DIALECTS = ("athena", "spark")
_SOME_PERIOD = Period.parse("2026-01-01")


def sql_problems(contract: Contract) -> Iterator[Problem]:
    """Yield everything that is wrong with a table's SQL; nothing for a table that takes its source as it is."""
    file, sql = contract.path_of("transform.sql"), load_sql(contract)
    if sql is None:
        return
    try:
        bound = bind(sql, _SOME_PERIOD)
        reads = upstream(bound)
        for text in lint(sql, contract):
            yield Problem(file, "", text)
    except ContractError as error:
        yield Problem(file, "", str(error))
        return
    problems = list(_upstream_problems(contract, reads))
    yield from (Problem(file, field, text) for field, text in problems)
    if not problems:
        yield from (Problem(file, field, text) for field, text in _engine_problems(contract, bound, reads))
        yield from (Problem(file, "", text) for text in _rendering_problems(bound))


def _upstream_problems(contract: Contract, reads: list[TableName]) -> Iterator[tuple[str, str]]:
    known = all_tables()
    for name in reads:
        if str(name) not in known:
            yield name.sql, f"there is no table `{name}`. {suggestion(str(name), known)}"
            continue
        try:
            load_contract(str(name))
        except ContractError:
            yield name.sql, f"the contract of `{name}` is wrong: correct it first"
        if LAYERS.index(name.layer) > LAYERS.index(contract.table.layer):
            yield name.sql, f"a {contract.table.layer} table does not read a {name.layer} table"
    if contract.table in reads:
        yield contract.table.sql, "a table does not read itself"
    arrivals = contract.late_data.upstreams if contract.late_data else ()
    for field, named in (
        ("preserves_rows", contract.preserves_rows),
        *(("late_data.arrivals_from", name) for name in arrivals),
    ):
        if named and named in known and TableName.parse(named) not in reads:
            yield field, f"the SQL does not read `{named}`"


def _engine_problems(contract: Contract, sql: str, reads: list[TableName]) -> Iterator[tuple[str, str]]:
    """Let DuckDB bind the text over empty tables: columns, functions and types."""
    import duckdb

    if contract.source:  # the columns of what is landed are not known here
        return
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name in reads:
            upstreams = load_contract(str(name)).columns
            columns = ", ".join(f'"{column}" {kind.type.duckdb}' for column, kind in upstreams.items())
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.database}")
            connection.execute(f"CREATE TABLE {name.sql} ({columns})")
        try:
            described = connection.execute(f"DESCRIBE {sql}").fetchall()
        except duckdb.Error as error:
            yield "", " ".join(line.strip() for line in str(error).splitlines() if line.strip() and "^" not in line)
            return
    for column, kind, *_ in described:
        declared = contract.columns.get(column)
        if declared and _plain(kind) != _plain(declared.type.duckdb) and not has_function(contract):
            yield column, f"is {kind}, the contract has {declared.type} ({declared.type.duckdb})"
    yield from _lineage_problems(contract, sql)


def _lineage_problems(contract: Contract, sql: str) -> Iterator[tuple[str, str]]:
    try:
        traced = column_lineage(contract, sql, load_contract)
    except Exception as error:  # sqlglot raises several kinds; a transform without lineage is no reason to fail a run
        yield "", f"its lineage cannot be traced: {str(error).splitlines()[0]}"
        return
    for column, origins in traced.items():
        for table, origin in origins:
            if origin not in load_contract(table).columns:
                yield (
                    column,
                    (
                        f"is computed from `{table}.{origin}`, which is no column. "
                        f"{suggestion(origin, load_contract(table).columns)}"
                    ),
                )


def _rendering_problems(sql: str) -> Iterator[str]:
    for dialect in DIALECTS:
        if "SELECT" not in render(sql, dialect):
            yield f"cannot be rendered for {dialect}"


def _plain(kind: str) -> str:
    """Return a type without quotes where they are not needed: DuckDB quotes members of a struct."""
    return kind.replace('"', "")
