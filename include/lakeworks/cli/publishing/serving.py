"""`lakeworks serve`: copy publications to PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakeworks.cli.arguments import AsJson, OptionalPartition, OptionalTable, TableArgument, find_partition
from lakeworks.cli.connection import client, connect
from lakeworks.cli.output import emit
from lakeworks.cli.progress import counted, track, waiting
from lakeworks.contract import Contract, all_tables, load_contract
from lakeworks.errors import ConfigError
from lakeworks.serving.database import connected
from lakeworks.serving.differences import ServedPartition, compare
from lakeworks.serving.following import Followed, serve
from lakeworks.settings import current_settings

if TYPE_CHECKING:
    import psycopg

Rewrite = Annotated[bool, typer.Option("--rewrite", help="Widen column types; PostgreSQL rewrites the table for it.")]
ByValue = Annotated[bool, typer.Option("--deep", help="Compare row values, not only row counts.")]


def serve_table(
    table: TableArgument, partition: OptionalPartition = None, rewrite: Rewrite = False, as_json: AsJson = False
) -> None:
    """Bring PostgreSQL to what is published (the default).

    A partition is replaced in one transaction. Run it as often as you like.
    """
    contract, lake = load_contract(table), connect()
    partitions = [find_partition(lake, contract, partition)] if partition else None
    with _database() as connection, counted(f"Serving {table}") as progress:
        done = serve(connection, lake, contract, partitions, rewrite=rewrite, progress=progress)
    emit([_followed(item) for item in done], as_json=as_json, title="Served")


def show_served(table: OptionalTable = None, as_json: AsJson = False) -> None:
    """Show which served tables are behind.

    Exit code 1 if one is.
    """
    contracts = [load_contract(name) for name in ([table] if table else all_tables())]
    lake, rows = connect(), list[dict[str, Any]]()
    with _database() as connection:
        for contract in track(contracts, "Comparing"):
            if table or contract.serving:
                served = compare(connection, lake, contract)
                rows.append(_summary(contract, served))
    emit(rows, as_json=as_json, title="Served tables")
    if any(row["differ"] for row in rows):
        raise typer.Exit(1)


def diff_served(table: TableArgument, deep: ByValue = False, as_json: AsJson = False) -> None:
    """Show where PostgreSQL and the ledger differ.

    Exit code 1 if they do.
    """
    contract, lake = load_contract(table), connect()
    with _database() as connection, waiting(f"Comparing {table}"):
        differing = [item for item in compare(connection, lake, contract, deep=deep) if item.differs]
    emit([_difference(item) for item in differing], as_json=as_json, title="Differences")
    if differing:
        raise typer.Exit(1)


def repair_served(table: TableArgument, deep: ByValue = False, as_json: AsJson = False) -> None:
    """Serve again what differs from the ledger."""
    contract, lake = load_contract(table), connect()
    with _database() as connection, waiting(f"Repairing {table}"):
        wrong = [item.partition for item in compare(connection, lake, contract, deep=deep) if item.differs]
        done = serve(connection, lake, contract, wrong, again=True)
    emit([_followed(item) for item in done], as_json=as_json, title="Repaired")


@contextmanager
def _database() -> "Iterator[psycopg.Connection]":
    address = current_settings().serving_url
    if address is None:
        raise ConfigError(
            "LAKE_SERVING_URL is not set, so no PostgreSQL serves tables. Nothing was served. See docs/serving.md."
        )
    with connected(address.get_secret_value(), lambda region: client("rds", region)) as connection:
        yield connection


def _followed(item: Followed) -> dict[str, Any]:
    return {
        "partition": item.partition,
        "outcome": item.outcome,
        "publication": item.publication,
        "rows": item.rows,
    }


def _difference(item: ServedPartition) -> dict[str, Any]:
    return {
        "partition": str(item.partition),
        "live": item.live,
        "served": item.served,
        "live rows": item.live_rows,
        "served rows": item.served_rows,
        "other rows": item.other_rows,
    }


def _summary(contract: Contract, served: list[ServedPartition]) -> dict[str, Any]:
    return {
        "table": contract.name,
        "partitions": len(served),
        "differ": sum(item.differs for item in served),
        "rows": sum(item.served_rows for item in served),
    }
