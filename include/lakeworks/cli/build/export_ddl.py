"""`lakeworks export-ddl snowflake`: statements by which another engine reads a table where it is."""

from typing import Annotated

import typer

from lakeworks.cli.arguments import TableArgument
from lakeworks.cli.connection import connect
from lakeworks.cli.output import say
from lakeworks.cli.progress import waiting
from lakeworks.contract import load_contract
from lakeworks.core.layout import iceberg_prefix, iceberg_table
from lakeworks.documentation.snowflake_ddl import SnowflakePlace, snowflake_statements
from lakeworks.documentation.snowflake_iceberg import GlueIceberg, iceberg_statements
from lakeworks.settings import current_settings


def print_snowflake(
    table: TableArgument,
    role: Annotated[str, typer.Option(help="ARN of the role that Snowflake takes on.", show_default=False)],
    integration: Annotated[str, typer.Option(help="Name of the storage integration.")] = "LAKEWORKS",
) -> None:
    """Print Snowflake's statements for a table: an external table, or an Iceberg table if the contract registers one.

    Runs nothing, and prints no key. Columns of personal or confidential data are left out by a secure view.
    """
    contract = load_contract(table)
    with waiting("Looking at the lake's settings"):
        lake = connect()
    place = SnowflakePlace(role, integration, lake.location(contract).rstrip("/") + "/")
    if contract.catalog.iceberg:
        metadata = lake.store.uri(iceberg_prefix(contract.table))
        glue = GlueIceberg(
            lake.catalog.database(contract.table), iceberg_table(contract.table), current_settings().region
        )
        text = iceberg_statements(contract, place, metadata, glue)
    else:
        text = snowflake_statements(contract, place)
    say(text.rstrip("\n"))
