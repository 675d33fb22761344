"""`lakeworks render`: a table's SQL in the dialect of another engine."""

from typing import Annotated

import typer

from lakeworks.authoring.sql_check import DIALECTS
from lakeworks.cli.arguments import TableArgument
from lakeworks.cli.output import say
from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import ConfigError, ContractError
from lakeworks.transform.group_functions import has_function
from lakeworks.transform.sql import bind, has_parameters, load_sql, render

Dialect = Annotated[str, typer.Option("--dialect", help=f"duckdb, {', '.join(DIALECTS)}", show_default=False)]
PeriodOfSql = Annotated[
    str | None, typer.Argument(help="2019-01 or 2019-01-05, if the SQL depends on the period", show_default=False)
]


def render_table(table: TableArgument, dialect: Dialect, period: PeriodOfSql = None) -> None:
    """Print a table's SQL in the dialect of an engine.

    The text is the table's transform.sql, with the period's moments in place of $partition_…
    """
    if dialect not in ("duckdb", *DIALECTS):
        raise ConfigError(f"`{dialect}` is no dialect. Nothing was printed. Dialects: duckdb, {', '.join(DIALECTS)}")
    contract = load_contract(table)
    sql = load_sql(contract)
    if sql is None:
        raise ContractError(f"`{table}` has no transform.sql: it copies its source. Nothing was printed.")
    if has_parameters(sql):
        if period is None:
            raise ConfigError(
                f"The SQL of `{table}` depends on its period. Nothing was printed. Name one: lakeworks render {table} "
                f"2019-01-05 --dialect {dialect}"
            )
        sql = bind(sql, Period.parse(period))
    typer.echo(sql.rstrip() if dialect == "duckdb" else render(sql, dialect))
    if has_function(contract):
        say("A Python function computes the table's rows from these.", style="dim", to_stderr=True)
