"""`lakeworks freshness`: which tables are older than their contracts promise."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from lakeworks.cli.connection import connect
from lakeworks.cli.output import AsJson, emit
from lakeworks.contract import all_tables, load_contract
from lakeworks.errors import LakeNotFound
from lakeworks.freshness.freshness import freshness

TableOption = Annotated[str | None, typer.Argument(help="<layer>.<domain>.<table>; every table without it")]


def show_freshness(table: TableOption = None, as_json: AsJson = False) -> None:
    """Show how old each table is; exit code 1 if one is late or cannot be read."""
    contracts = [load_contract(name) for name in ([table] if table else all_tables())]
    if table and contracts[0].freshness is None:
        raise LakeNotFound(
            f"The contract of `{table}` promises no freshness. Give it `freshness: {{max_age_hours: …}}`."
        )
    now = datetime.now(UTC)
    found = list(freshness(connect(), contracts, now))
    emit([item.as_dict(now) for item in found], as_json=as_json, title="Freshness")
    if any(item.state in ("late", "unreadable") for item in found):
        raise typer.Exit(1)
