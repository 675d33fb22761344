"""`lakeworks status`: the partition matrix, as a calendar for a person and as JSON for a program."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

import typer
from rich.console import Console
from rich.text import Text

from lakeworks.airflow_api import Activities, Airflow
from lakeworks.cli.arguments import AsJson, First, Last, OptionalTable
from lakeworks.cli.connection import client, connect
from lakeworks.cli.output import Layout, emit, say
from lakeworks.cli.progress import waiting
from lakeworks.contract import all_tables, load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import PartitionKeyError
from lakeworks.settings import current_settings
from lakeworks.status.expected_partitions import PeriodRange
from lakeworks.status.matrix import (
    MARKS,
    MEANINGS,
    QUARANTINED_MARK,
    STATES,
    Cell,
    Matrix,
    PartitionState,
    Row,
    calendar,
)
from lakeworks.status.table_status import status
from lakeworks.streaming.lag import stream_lags
from lakeworks.streaming.stream_place import deployed_streams

_COLORS: dict[PartitionState, str] = {
    "failed": "bold red",
    "waiting": "bold yellow",
    "running": "bold blue",
    "impossible": "bold red",
    "missing": "red",
    "stale": "yellow",
    "outdated": "yellow",
    "unfinished": "magenta",
    "withdrawn": "cyan",
    "excluded": "dim",
    "published": "green",
    "empty": "dim",
    "expired": "dim",
}
_SHOWN = 20


def show_status(table: OptionalTable = None, first: First = None, last: Last = None, as_json: AsJson = False) -> None:
    """Show which partitions are missing, stale, failed or published.

    With a table: a calendar, and the first partitions that need attention. Exit code 1 if a table cannot be read.
    """
    window = PeriodRange(Period.parse(first) if first else None, Period.parse(last) if last else None)
    if window.first and window.last and window.last.end <= window.first.start:
        raise PartitionKeyError(
            f"from `{first}` to `{last}` runs backwards. Nothing was read. --from must not be later than --to."
        )
    names = [table] if table else all_tables()
    contracts, lake, address = [load_contract(name) for name in names], connect(), current_settings().airflow_url
    activities = Airflow(address.get_secret_value()).activities(names, lake.run_place) if address else Activities()
    with waiting("Comparing ledger, landing and inputs"):
        matrices = [replace(matrix, note=activities.note) for matrix in status(lake, contracts, window, activities)]
    if as_json:
        sys.stdout.write(json.dumps([matrix.as_dict() for matrix in matrices]) + "\n")
    elif table:
        _draw(matrices[0])
    else:
        emit([_line(matrix) for matrix in matrices], as_json=False, title="Partitions", layout=_layout(matrices))
        for matrix in matrices:
            if matrix.why_empty:
                say(f"{matrix.table} has no partitions: {matrix.why_empty}", style="dim")
        _say_streams()
    if not as_json and not address:
        say(
            "Running and failed runs are not shown. Set LAKE_AIRFLOW_URL to read them from Airflow.",
            style="dim",
            to_stderr=True,
        )
    if not as_json and activities.note:
        say(activities.note, style="yellow")
    if faults := [matrix.fault for matrix in matrices if matrix.fault]:
        for fault in faults:
            say(str(fault), style="red", to_stderr=True)
        raise typer.Exit(1)


def _say_streams() -> None:
    """Print the lag of each stream of lake.yml."""
    places = deployed_streams()
    for lag in stream_lags(client("dynamodb"), places) if places else ():
        if lag.fault:
            say(f"stream {lag.name}: {lag.fault}", style="yellow")
        elif lag.closed_through is None:
            say(
                f"stream {lag.name}: no consumer read all of its shards yet; start one: lakeworks stream run {lag.name}"
            )
        else:
            closed, behind = f"{lag.closed_through:%Y-%m-%d %H:%M:%S}", lag.behind_seconds
            say(
                f"stream {lag.name}: landed up to {closed} UTC in {lag.shards} shards, {behind:.1f} s behind; {lag.slowest}"
            )


def _layout(matrices: list[Matrix]) -> Layout:
    """Leave out empty states first."""
    seen = {state for matrix in matrices for state in matrix.counts}
    return Layout(extra=tuple(state for state in STATES if state not in seen))


def _line(matrix: Matrix) -> dict[str, object]:
    counts = matrix.counts
    row: dict[str, object] = {"table": matrix.table, "partitions": len(matrix.cells)}
    row |= {state: counts.get(state, 0) for state in STATES}
    return row | {"with quarantine": matrix.quarantined}


def _draw(matrix: Matrix) -> None:
    """Print a calendar, its legend, and the first partitions that need attention."""
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    counts = [f"{count:,} {state}" for state, count in matrix.counts.items()]
    counts += [f"{matrix.quarantined:,} with rows in quarantine"] if matrix.quarantined else []
    console.print(f"{matrix.table}: {', '.join(counts) or f'no partitions, because {matrix.why_empty}'}")
    rows = list(calendar(matrix))
    for row in rows:
        console.print(_in_color(row))
    if rows:
        marks = [f"{MARKS[state]} {state}" for state in matrix.counts]
        marks += [f"{QUARANTINED_MARK} published, with rows in quarantine"] if matrix.quarantined else []
        console.print("  ".join(marks), style="dim")
    for state in matrix.counts:
        if state not in ("published", "empty"):
            console.print(f"\n{state}: {MEANINGS[state]}", style=_COLORS[state])
            _list_groups(console, [(_span(*group), group[0].why) for group in matrix.groups(state)])
    if matrix.quarantined:
        console.print("\nrows in quarantine: the last run of these periods quarantined rows", style="cyan")
        _list_groups(console, list(_quarantined(matrix)))


def _quarantined(matrix: Matrix) -> Iterator[tuple[str, str]]:
    """Yield each period whose run quarantined rows: how many of which partition has most, and how to look at them."""
    cells = sorted((cell for cell in matrix.cells if cell.quarantined), key=lambda cell: cell.quarantined)
    for period, group in groupby(cells, key=lambda cell: cell.quarantined):
        counted = [(cell.quarantined_rows, str(cell.partition)) for cell in group if cell.quarantined_rows]
        says = ""
        if counted:
            most, where = max(counted)
            says = f"{sum(rows for rows, _ in counted):,} rows of {len(counted):,} partitions, most ({most:,}) of {where}; "
        yield period, f"{says}look: lakeworks quarantine show {matrix.table} {period}"


def _in_color(row: Row) -> Text:
    """Return one line of a calendar, in groups of five."""
    line = Text(f"{row.label:8}")
    for number, square in enumerate(row.squares, 1):
        gap = " " if number % 5 == 1 and number > 1 else ""
        line.append(gap + (square.mark if square else " "), style=_COLORS[square.state] if square else None)
    return line


def _span(first: Cell, last: Cell, count: int) -> str:
    """Return the name of a partition, or of neighbours with one reason."""
    return str(first.partition) if count == 1 else f"{first.partition} to {last.partition} ({count:,})"


def _list_groups(console: Console, lines: list[tuple[str, str]]) -> None:
    """Print the first lines of a list, and how many more there are."""
    for name, why in lines[:_SHOWN]:
        console.print(f"  {name}  {why}", markup=False, soft_wrap=True)
    if len(lines) > _SHOWN:
        console.print(f"  and {len(lines) - _SHOWN:,} more; --json lists all", style="dim")
