"""The partition matrix: what state every partition of a table is in, and how a calendar shows it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from lakeworks.core.partition import Partition, Period
from lakeworks.errors import TerminalError

# Worst first: a day of many partitions shows the worst of them.
State = Literal[
    "failed", "running", "impossible", "missing", "stale", "unfinished", "quarantining", "published", "empty", "expired"
]
STATES: tuple[State, ...] = get_args(State)
MARKS: dict[State, str] = {
    "failed": "F",
    "running": "R",
    "impossible": "!",
    "missing": "-",
    "stale": "s",
    "unfinished": "u",
    "quarantining": "q",
    "published": "#",
    "empty": "0",
    "expired": "x",
}
MEANINGS: dict[State, str] = {
    "failed": "its last run failed",
    "running": "a run is at it, or waits for its turn",
    "impossible": "it is published and is none that the table can have",
    "missing": "it should be there and is not",
    "stale": "an input was published or landed again since it was built",
    "unfinished": "its publication was begun and not completed",
    "quarantining": "published, and its run quarantined rows",
    "published": "as its inputs are",
    "empty": "its run found no rows for it",
    "expired": "withdrawn at the end of its retention",
}


@dataclass(frozen=True)
class Cell:
    """One partition; `slot` is the time it covers (None where time does not cut the table)."""

    partition: Partition
    slot: Period | None
    state: State
    publication: int | None = None
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        row: dict[str, Any] = {"partition": self.partition.path, "state": self.state, "publication": self.publication}
        return row | ({"why": self.why} if self.why else {})


@dataclass(frozen=True)
class Matrix:
    """Every partition of one table that is there or should be; `fault` says why they cannot be listed."""

    table: str
    cells: tuple[Cell, ...]
    note: str = ""
    fault: TerminalError | None = None

    @property
    def counts(self) -> dict[State, int]:
        """Partitions per state, worst first."""
        found = Counter(cell.state for cell in self.cells)
        return {state: found[state] for state in STATES if found[state]}

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        cells = [cell.as_dict() for cell in self.cells]
        row: dict[str, Any] = {"table": self.table, "counts": self.counts, "note": self.note, "partitions": cells}
        return row | ({"fault": str(self.fault)} if self.fault else {})


@dataclass(frozen=True)
class Row:
    """One line of a calendar: its label, and the worst state of each of its columns (None: nothing is expected)."""

    label: str
    states: tuple[State | None, ...]


def calendar(matrix: Matrix) -> Iterator[Row]:
    """Months by days; years by months where a partition is a month. Partitions outside time are not in it."""
    worst: dict[tuple[str, int], State] = {}
    monthly = all(cell.slot is None or cell.slot.grain == "month" for cell in matrix.cells)
    for cell in matrix.cells:
        if cell.slot is not None:
            start = cell.slot.start
            place = (f"{start:%Y}", start.month) if monthly else (f"{start:%Y-%m}", start.day)
            worst[place] = min(worst.get(place, cell.state), cell.state, key=STATES.index)
    for label in sorted({label for label, _ in worst}):
        yield Row(label, tuple(worst.get((label, column)) for column in range(1, 13 if monthly else 32)))
