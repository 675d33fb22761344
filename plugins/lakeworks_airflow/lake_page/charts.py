"""Bar charts over time as SVG path data: one bar per square of the calendar, so 372 per year for any number of partitions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lakeworks.status.matrix import Cell, Row
from lakeworks_airflow.lake_page.table_view import Place, TableView

HEIGHT = 90
_BAR = {True: 12, False: 2}


@dataclass(frozen=True)
class Bars:
    """One series: its path, the sum and the largest value, and the first label of each group with its place."""

    title: str
    width: int
    path: str
    total: int
    largest: int
    ticks: tuple[tuple[int, str], ...]


def bars_of(view: TableView, rows: Sequence[Row], title: str, value: Callable[[Cell], int | None]) -> Bars:
    """Return the sums of a value by square, for some rows of a table's calendar."""
    step = _BAR[view.monthly]
    sums = [(row.label, [_sum(view, (row.label, column), value) for column in _columns(row)]) for row in rows]
    largest = max((number for _, numbers in sums for number in numbers), default=0)
    parts, ticks, x = list[str](), list[tuple[int, str]](), 0
    for label, numbers in sums:
        ticks.append((x, label if view.monthly else label[5:]))
        for number in numbers:
            height = round(number * HEIGHT / largest) if largest else 0
            if number:
                parts.append(f"M{x} {HEIGHT}v-{max(height, 1)}h{step - 1 or 1}V{HEIGHT}z")
            x += step
    return Bars(title, max(x, 1), "".join(parts), sum(n for _, numbers in sums for n in numbers), largest, tuple(ticks))


def _columns(row: Row) -> range:
    return range(1, len(row.squares) + 1)


def _sum(view: TableView, place: Place, value: Callable[[Cell], int | None]) -> int:
    return sum(value(cell) or 0 for cell in view.places.get(place, ()))
