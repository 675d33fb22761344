"""`lakeworks rollback`, `withdraw` and `diff`: one partition's publications."""

from typing import Annotated, Any

import typer

from lakeworks.cli.arguments import AsJson, PartitionArgument, TableArgument, find_partition
from lakeworks.cli.connection import connect
from lakeworks.cli.output import Layout, emit, emit_one, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import load_contract
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.publications.comparison import PublicationDiff, diff
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw

_ROWS = Layout(exact=True)


def rollback_partition(
    table: TableArgument,
    partition: PartitionArgument,
    to: Annotated[int | None, typer.Option(help="publication number; default: the one before the live one")] = None,
    as_json: AsJson = False,
) -> None:
    """Make an earlier publication current again."""
    contract = load_contract(table)
    lake = connect()
    with waiting(f"Rolling back {table} {partition}"):
        entry = rollback(lake, contract, find_partition(lake, contract, partition), to)
    emit([_line(entry)], as_json=as_json, title="Rolled back")


def withdraw_partition(table: TableArgument, partition: PartitionArgument, as_json: AsJson = False) -> None:
    """Withdraw a partition from readers.

    Removes it from the catalog first. `lakeworks rollback` brings it back.
    """
    contract = load_contract(table)
    lake = connect()
    with waiting(f"Withdrawing {table} {partition}"):
        entry = withdraw(lake, contract, find_partition(lake, contract, partition))
    emit([_line(entry)], as_json=as_json, title="Withdrawn")


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
    private = {name for name, column in contract.columns.items() if column.pii}
    figures = [_figure(old or new, old, new, private) for old, new in comparison.statistics]
    samples = [_withheld(row, private) for row in comparison.samples]
    columns = [{"column": name, "before": old, "after": new} for name, old, new in comparison.columns]
    if as_json:
        details = {"left out": list(comparison.left_out), "columns": columns, "statistics": figures, "samples": samples}
        emit_one({**_summary(comparison), **details})
        return
    emit(
        [_summary(comparison)],
        as_json=False,
        title=f"{table} {partition}: publication {comparison.before.seq} to {comparison.after.seq}",
    )
    if comparison.left_out:
        say(f"Rows are compared without {', '.join(comparison.left_out)}, which change with every fetch.")
    for title, rows in (("Columns", columns), ("Statistics", figures), ("Rows, the first ones", samples)):
        if rows:
            emit(rows, as_json=False, title=title, layout=_ROWS)


def _line(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "table": entry.table,
        "partition": str(entry.parsed),
        "publication": entry.seq,
        "state": entry.state,
        "rows": entry.rows,
    }


def _summary(comparison: PublicationDiff) -> dict[str, Any]:
    return {
        "before": comparison.before.seq,
        "after": comparison.after.seq,
        "rows before": comparison.before.rows,
        "rows after": comparison.after.rows,
        "added": comparison.added,
        "removed": comparison.removed,
        "changed": comparison.changed,
        "only lineage": comparison.only_lineage,
    }


def _figure(named: Any, old: Any, new: Any, private: set[str]) -> dict[str, Any]:
    """Return a column's statistics. Personal data has the count of nulls only, because a minimum is a person's value."""
    row: dict[str, Any] = {"column": named.column}
    for what in ("nulls", "smallest", "largest", "total"):
        before, after = (getattr(side, what) if side else None for side in (old, new))
        row[what] = str(before) if before == after else f"{before} -> {after}"
        if named.column in private and what != "nulls":
            row[what] = "(withheld)"
    return row


def _withheld(row: dict[str, Any], private: set[str]) -> dict[str, Any]:
    """Return the sample without the values of columns with personal data."""
    shown: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            shown[key] = {name: "(withheld)" if name in private else item for name, item in value.items()}
        else:
            shown[key] = "(withheld)" if key in private else value
    return shown
