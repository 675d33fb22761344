"""`lakeworks freshness`: which tables are older than their contracts promise."""

from datetime import UTC, datetime

import typer

from lakeworks.cli.arguments import AsJson, OptionalTable
from lakeworks.cli.connection import client, connect
from lakeworks.cli.output import Layout, emit
from lakeworks.cli.progress import waiting
from lakeworks.contract import all_tables, load_contract
from lakeworks.errors import LakeNotFound
from lakeworks.freshness.streams import stream_age
from lakeworks.freshness.table_age import TableFreshness, freshness
from lakeworks.streaming.lag import stream_lags
from lakeworks.streaming.stream_place import deployed_streams

_LAYOUT = Layout(extra=("stopped", "missing", "overdue"))


def show_freshness(table: OptionalTable = None, as_json: AsJson = False) -> None:
    """Show how old each table is, and which one is late.

    Streams of lake.yml are listed as `stream.<name>`. Exit code 1 if a table or a stream is late or cannot be read.
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
        ages += [] if table else _stream_ages(now)
    emit([item.as_dict(now) for item in ages], as_json=as_json, title="Freshness", layout=_LAYOUT)
    if any(item.state in ("late", "unreadable") for item in ages):
        raise typer.Exit(1)


def _stream_ages(now: datetime) -> list[TableFreshness]:
    """Return the streams' ages, from their checkpoints; a lake without streams asks DynamoDB nothing."""
    places = {place.name: place for place in deployed_streams()}
    if not places:
        return []
    lags = stream_lags(client("dynamodb"), places.values())
    return [stream_age(one.name, one.closed_through, places[one.name].max_lag, now, one.fault) for one in lags]
