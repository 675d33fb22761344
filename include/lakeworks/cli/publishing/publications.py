"""`lakeworks rollback`, `withdraw` and `diff`: one partition's publications."""

from typing import Annotated

import typer

from lakeworks.cli.arguments import AsJson, PartitionArgument, TableArgument, find_partition
from lakeworks.cli.connection import connect
from lakeworks.cli.output import Layout, emit, emit_one, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import load_contract
from lakeworks.publications import shown_difference as difference
from lakeworks.publications.comparison import diff
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw

_ROWS = Layout(exact=True)


def rollback_partition(
    table: TableArgument,
    partition: PartitionArgument,
    to: Annotated[int | None, typer.Option(help="publication number; default: the one before the current one")] = None,
    as_json: AsJson = False,
) -> None:
    """Make an earlier publication current again."""
    contract = load_contract(table)
    lake = connect()
    with waiting(f"Rolling back {table} {partition}"):
        entry = rollback(lake, contract, find_partition(lake, contract, partition), to)
    emit([entry.as_row()], as_json=as_json, title="Rolled back")


def withdraw_partition(table: TableArgument, partition: PartitionArgument, as_json: AsJson = False) -> None:
    """Withdraw a partition from readers.

    Removes it from the catalog first. `lakeworks rollback` brings it back.
    """
    contract = load_contract(table)
    lake = connect()
    with waiting(f"Withdrawing {table} {partition}"):
        entry = withdraw(lake, contract, find_partition(lake, contract, partition))
    emit([entry.as_row()], as_json=as_json, title="Withdrawn")


def diff_publications(
    table: TableArgument,
    partition: PartitionArgument,
    before: Annotated[
        int | None, typer.Option(help="publication number; default: the one before with other rows")
    ] = None,
    after: Annotated[int | None, typer.Option(help="publication number; default: the newest")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two publications of a partition.

    Shows rows, schema and statistics.
    """
    contract = load_contract(table)
    with waiting(f"Comparing publications of {table} {partition}"):
        comparison = diff(connect(), contract, contract.parse_partition(partition), before, after)
    columns, figures = difference.columns(comparison), difference.figures(comparison, contract)
    samples = difference.samples(comparison, contract)
    if as_json:
        details = {"left out": list(comparison.left_out), "columns": columns, "statistics": figures, "samples": samples}
        emit_one({**difference.summary(comparison), **details})
        return
    emit(
        [difference.summary(comparison)],
        as_json=False,
        title=f"{table} {partition}: publication {comparison.before.seq} to {comparison.after.seq}",
    )
    if comparison.left_out:
        say(f"Rows are compared without {', '.join(comparison.left_out)}, which change with every fetch.")
    for title, rows in (("Columns", columns), ("Statistics", figures), ("Rows, the first ones", samples)):
        if rows:
            emit(rows, as_json=False, title=title, layout=_ROWS)
