"""`lakeworks sql`: ask the lake with DuckDB; it reads what the ledger says is live, at pinned versions."""

from typing import Annotated

import typer

from lakeworks.cli.arguments import AsJson
from lakeworks.cli.connection import connect
from lakeworks.cli.output import Layout, emit
from lakeworks.contract import load_contract
from lakeworks.parquet.dataset import open_dataset
from lakeworks.transform.sql import upstream

Query = Annotated[str, typer.Argument(help="SELECT …; tables are written <layer>_<domain>.<table>", show_default=False)]


def run_query(query: Query, as_json: AsJson = False) -> None:
    """Run a SQL query over the published tables.

    Tables are written <layer>_<domain>.<table>. DuckDB reads what is published, at pinned versions.
    """
    lake = connect()
    with lake.engine.session() as session:
        for name in upstream(query):
            contract = load_contract(str(name))
            live = lake.ledger.live_partitions(name)
            session.attach(name, open_dataset(lake.store, contract, live.values()))
        rows = session.query(query).to_pylist()
    emit(rows, as_json=as_json, layout=Layout(exact=True))
