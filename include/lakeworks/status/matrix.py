"""Partition matrix: the state of every partition of a table, and its calendar."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, Literal, get_args

from lakeworks.core.partition import Partition, Period
from lakeworks.errors import TerminalError

# Worst first: a day of many partitions shows the worst of them.
PartitionState = Literal[
    "failed", "waiting", "running", "impossible", "missing", "stale", "outdated", "unfinished", "excluded", "withdrawn",
    "published", "empty", "expired",
]  # fmt: skip
STATES: tuple[PartitionState, ...] = get_args(PartitionState)
MARKS: dict[PartitionState, str] = {
    "failed": "F",
    "waiting": "?",
    "running": "R",
    "impossible": "!",
    "missing": "-",
    "stale": "s",
    "outdated": "c",
    "unfinished": "u",
    "excluded": "e",
    "withdrawn": "w",
    "published": "#",
    "empty": "0",
    "expired": "x",
}
# Shown instead of the published mark: quarantined rows are a remark on a published day, not a state.
QUARANTINED_MARK = "*"
MEANINGS: dict[PartitionState, str] = {
    "failed": "its last run failed",
    "waiting": "its rows are audited, and wait for a person's approval",
    "running": "a run is building it, or is queued",
    "impossible": "it is published, but the contract does not allow such a partition",
    "missing": "it is expected, but not published",
    "stale": "an input was published or landed after it was built",
    "outdated": "it was built by older code than today's",
    "unfinished": "its publication started and did not finish",
    "excluded": "it would be built again, but a person excluded it from plans; lift: lakeworks plan lift",
    "withdrawn": "a person withdrew it from readers",
    "published": "built from the current inputs",
    "empty": "its run had no rows to publish for it",
    "expired": "withdrawn at the end of its retention",
}


@dataclass(frozen=True)
class Cell:
    """One partition. `slot` is the time it covers (None if the table is not partitioned by time).

    `quarantined` is the period whose last run quarantined rows of the partition; empty if it quarantined none of them.
    `quarantined_rows` is their number; None if the run did not count them by partition.
    `rows` and `bytes` are those of the live publication; None if nothing is live.
    """

    partition: Partition
    slot: Period | None
    state: PartitionState
    publication: int | None = None
    why: str = ""
    quarantined: str = ""
    quarantined_rows: int | None = None
    rows: int | None = None
    bytes: int | None = None

    @property
    def remark(self) -> str:
        """Return how many of its rows are quarantined, in words; empty if none are."""
        return quarantined_words(self.quarantined_rows) if self.quarantined else ""

    def as_dict(self) -> dict[str, Any]:
        """Return the row for `--json`."""
        row: dict[str, Any] = {"partition": self.partition.path, "state": self.state, "publication": self.publication}
        row |= {"rows": self.rows, "bytes": self.bytes} if self.rows is not None else {}
        row |= {"why": self.why} if self.why else {}
        row |= {"quarantined": self.quarantined} if self.quarantined else {}
        return row | ({"quarantined_rows": self.quarantined_rows} if self.quarantined_rows else {})


@dataclass(frozen=True)
class Matrix:
    """Every existing or expected partition of one table.

    `fault` says why they cannot be listed, `why_empty` why there are none. `note` names what Airflow left out.
    """

    table: str
    cells: tuple[Cell, ...]
    note: str = ""
    fault: TerminalError | None = None
    why_empty: str = ""

    @cached_property
    def counts(self) -> dict[PartitionState, int]:
        """Return the number of partitions per state, worst first."""
        states = Counter(cell.state for cell in self.cells)
        return {state: states[state] for state in STATES if states[state]}

    @cached_property
    def quarantined(self) -> int:
        """Return the number of partitions of which rows are quarantined, whatever their state."""
        return sum(bool(cell.quarantined) for cell in self.cells)

    def groups(self, state: PartitionState) -> Iterator[tuple[Cell, Cell, int]]:
        """Yield the cells of a state as (first, last, count). Neighbours with the same reason form one group."""
        for (of_state, _), cells in groupby(self.cells, key=lambda cell: (cell.state, cell.why)):
            if of_state == state:
                group = list(cells)
                yield group[0], group[-1], len(group)

    def as_dict(self) -> dict[str, Any]:
        """Return the row for `--json`."""
        cells = [cell.as_dict() for cell in self.cells]
        row: dict[str, Any] = {"table": self.table, "counts": self.counts, "quarantined": self.quarantined}
        row |= {"note": self.note, "partitions": cells}
        row |= {"why_empty": self.why_empty} if self.why_empty else {}
        return row | ({"fault": str(self.fault)} if self.fault else {})


@dataclass(frozen=True)
class Square:
    """A day (or month) of a calendar: the worst state of its partitions, and whether rows of them are quarantined."""

    state: PartitionState
    quarantined: bool = False
    quarantined_rows: int = 0

    @property
    def remark(self) -> str:
        """Return what follows the state in words: how many rows are quarantined, if that is known; empty if none."""
        return f", with {quarantined_words(self.quarantined_rows)}" if self.quarantined else ""

    @property
    def mark(self) -> str:
        """Return the character that a calendar in text shows."""
        return QUARANTINED_MARK if self.quarantined and self.state == "published" else MARKS[self.state]

    def with_cell(self, cell: Cell) -> "Square":
        """Return the square with one more partition in it."""
        return Square(
            min(self.state, cell.state, key=STATES.index),
            self.quarantined or bool(cell.quarantined),
            self.quarantined_rows + (cell.quarantined_rows or 0),
        )


def quarantined_words(rows: int | None) -> str:
    """Return `3 quarantined rows`, without the number if it is not known."""
    return f"{rows:,} quarantined row{'s' if rows != 1 else ''}" if rows else "quarantined rows"


@dataclass(frozen=True)
class Row:
    """One line of a calendar: its label and its squares (None: no partition is expected)."""

    label: str
    squares: tuple[Square | None, ...]


def calendar(matrix: Matrix) -> Iterator[Row]:
    """Yield months by days, or years by months if a partition is a month. Partitions without time are left out."""
    squares: dict[tuple[str, int], Square] = {}
    monthly = all(cell.slot is None or cell.slot.grain == "month" for cell in matrix.cells)
    for cell in matrix.cells:
        if cell.slot is not None:
            start = cell.slot.start
            place = (f"{start:%Y}", start.month) if monthly else (f"{start:%Y-%m}", start.day)
            squares[place] = squares.get(place, Square(cell.state)).with_cell(cell)
    for label in sorted({label for label, _ in squares}):
        yield Row(label, tuple(squares.get((label, column)) for column in range(1, 13 if monthly else 32)))


def hour_calendar(matrix: Matrix, month: str) -> Iterator[Row]:
    """Yield the days of a month (`2019-01`) by hours, of a table whose partitions are hours."""
    squares: dict[tuple[str, int], Square] = {}
    for cell in matrix.cells:
        if cell.slot is not None and cell.slot.grain == "hour" and f"{cell.slot.start:%Y-%m}" == month:
            place = (f"{cell.slot.start:%Y-%m-%d}", cell.slot.start.hour)
            squares[place] = squares.get(place, Square(cell.state)).with_cell(cell)
    for label in sorted({label for label, _ in squares}):
        yield Row(label, tuple(squares.get((label, hour)) for hour in range(24)))
