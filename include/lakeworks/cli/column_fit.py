"""Columns of a table that fit a terminal: prose wraps, names never break, the least important columns are left out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

# Prose in a narrower column is hard to read: leave another column out instead.
_PROSE = 24


@dataclass(frozen=True)
class OutputColumn:
    """One column: the width of its longest cell, and the least width at which no word of it breaks."""

    name: str
    natural: int
    least: int


def measure(name: str, heading: str, cells: Sequence[str], *, prose: bool) -> OutputColumn:
    """Measure a column; only prose may wrap, and headings may at their spaces."""
    heading_least = max(map(cell_len, heading.split(" ")), default=0)
    longest = max(map(cell_len, cells), default=0)
    if not prose:
        return OutputColumn(name, max(longest, cell_len(heading)), max(longest, heading_least))
    natural = max(longest, cell_len(heading))
    word = max((cell_len(word) for text in cells for word in text.split()), default=0)
    least = max(word, heading_least, min(natural, _PROSE))
    return OutputColumn(name, max(natural, least), least)


def fit(columns: Sequence[OutputColumn], room: int, gap: int, extra: Collection[str] = ()) -> Mapping[str, int]:
    """Return the width of each column that is shown, in their order.

    Columns named in `extra` are left out first, the last one before the others; then columns from the right.
    The first column stays.
    """
    shown = list(columns)
    leave_first = [column for column in columns[1:] if column.name in extra]
    optional = [column for column in columns[1:] if column.name not in extra]
    leaving = [*leave_first[::-1], *optional[::-1]]
    while leaving and _total([column.least for column in shown], gap) > room:
        shown.remove(leaving.pop(0))
    return _widths(shown, room, gap)


def _widths(columns: Sequence[OutputColumn], room: int, gap: int) -> dict[str, int]:
    """Give each column its natural width, then narrow the widest prose until all fit."""
    widths = {column.name: column.natural for column in columns}
    least = {column.name: column.least for column in columns}
    while (excess := _total(widths.values(), gap) - room) > 0:
        wide = [name for name in widths if widths[name] > least[name]]
        if not wide:
            break
        widest = max(wide, key=lambda name: widths[name])
        following = max((widths[name] for name in wide if widths[name] < widths[widest]), default=0)
        same = [name for name in wide if widths[name] == widths[widest]]
        step = max(1, min(widths[widest] - following, -(-excess // len(same))))
        for name in same:
            widths[name] = max(least[name], widths[name] - step)
    return widths


def _total(widths: Collection[int], gap: int) -> int:
    return sum(widths) + gap * len(widths) - 1
