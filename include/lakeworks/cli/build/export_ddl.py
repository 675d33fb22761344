"""`lakeworks export-ddl snowflake`: statements by which another engine reads a table where it is."""

from typing import Annotated

import typer

from lakeworks.cli.arguments import TableArgument
from lakeworks.cli.connection import connect
from lakeworks.cli.output import say
from lakeworks.cli.progress import waiting
from lakeworks.contract import load_contract
from lakeworks.documentation.snowflake_ddl import SnowflakePlace, snowflake_statements


def print_snowflake(
    table: TableArgument,
    role: Annotated[str, typer.Option(help="ARN of the role that Snowflake takes on.", show_default=False)],
    integration: Annotated[str, typer.Option(help="Name of the storage integration.")] = "LAKEWORKS",
) -> None:
    """Print Snowflake's statements for a table: integration, stage, file format, external table.

    Runs nothing, and prints no key. Columns of personal or confidential data are left out by a secure view.
    """
    contract = load_contract(table)
    with waiting("Looking at the lake's settings"):
        location = connect().location(contract).rstrip("/") + "/"
    say(snowflake_statements(contract, SnowflakePlace(role, integration, location)).rstrip("\n"))
