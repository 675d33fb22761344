"""`lakeworks freshness`: which tables are older than their contracts promise."""

from datetime import UTC, datetime

import typer

from lakeworks.cli.arguments import AsJson, OptionalTable
from lakeworks.cli.connection import connect
from lakeworks.cli.output import Layout, emit
from lakeworks.cli.progress import waiting
from lakeworks.contract import all_tables, load_contract
from lakeworks.errors import LakeNotFound
from lakeworks.freshness.table_age import freshness

_LAYOUT = Layout(extra=("stopped", "missing", "overdue"))


def show_freshness(table: OptionalTable = None, as_json: AsJson = False) -> None:
    """Show how old each table is, and which one is late.

    Exit code 1 if a table is late or cannot be read.
    """
    contracts = [load_contract(name) for name in ([table] if table else all_tables())]
    if table and contracts[0].freshness is None:
        raise LakeNotFound(
            f"The contract of `{table}` promises no freshness. Nothing was checked. Add to it: `freshness: "
            "{max_age_hours: …}`."
        )
    now = datetime.now(UTC)
    lake = connect()
    with waiting("Reading catalog, ledger and landing"):
        ages = list(freshness(lake, contracts, now))
    emit([item.as_dict(now) for item in ages], as_json=as_json, title="Freshness", layout=_LAYOUT)
    if any(item.state in ("late", "unreadable") for item in ages):
        raise typer.Exit(1)
