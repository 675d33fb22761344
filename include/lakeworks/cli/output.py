"""Output of commands: tables for a person, `--json` for a program, errors on stderr."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from textwrap import shorten
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lakeworks.cli.cell_text import cell, exact_cell, header
from lakeworks.cli.column_choice import every_column
from lakeworks.cli.column_fit import fit, measure

_GAP = 2
_TEXT = (str, dict, list, tuple)
OutputRows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Layout:
    """Layout of a table: columns to leave out on a narrow terminal, and the form of values.

    Columns named in `extra` go first; text in `one_line` is cut after a word. `exact` is for the lake's own rows: headings are
    column names, numbers have no units. `--wide` and a pipe get every column.
    """

    extra: tuple[str, ...] = ()
    one_line: tuple[str, ...] = ()
    exact: bool = False


_PLAIN = Layout()


def emit(rows: OutputRows, *, as_json: bool, title: str = "", layout: Layout = _PLAIN) -> None:
    """Print rows as a JSON array, or as a table that fits the terminal."""
    if as_json:
        sys.stdout.write(json.dumps([dict(row) for row in rows], default=str) + "\n")
        return
    if not rows:
        say(f"{title}: nothing found" if title else "nothing found")
        return
    if title:
        say(title, style="bold")
    _print_table(rows, layout)


def emit_one(document: Mapping[str, Any]) -> None:
    """Print one JSON object for programs."""
    sys.stdout.write(json.dumps(document, default=str) + "\n")


def say(text: str, *, style: str = "", to_stderr: bool = False) -> None:
    """Print lines as they are: the terminal wraps them, nothing else does."""
    Console(soft_wrap=True, stderr=to_stderr).print(text, highlight=False, markup=False, style=style)


def _print_table(rows: OutputRows, layout: Layout) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    headings = {name: name if layout.exact else header(name) for name in names}
    text = partial(_text, exact=layout.exact)
    cells = {name: [text(name, row.get(name)) for row in rows] for name in names}
    prose = {name for name in names if any(isinstance(row.get(name), _TEXT) for row in rows)}
    room = _room()
    measured = [measure(name, headings[name], cells[name], prose=name in prose) for name in names]
    widths = fit(measured, room or sys.maxsize, _GAP, layout.extra)
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name, width in widths.items():
        right = all(_is_number(row.get(name)) for row in rows)
        table.add_column(escape(headings[name]), width=width, justify="right" if right else "left", overflow="fold")
    for number in range(len(rows)):
        texts = {name: cells[name][number] for name in widths}
        cut = {
            name: shorten(texts[name], width, placeholder=" …")
            for name, width in widths.items()
            if room and name in layout.one_line
        }
        table.add_row(*(escape(value) for value in (texts | cut).values()))
    Console(width=max(room or 0, sum(widths.values()) + _GAP * len(widths))).print(table)
    if hidden := [headings[name] for name in names if name not in widths]:
        say(f"Not shown: {', '.join(hidden)}. Every column: --wide", style="dim")


def _text(name: str, value: Any, *, exact: bool) -> str:
    return exact_cell(value) if exact else cell(name, value)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))


def _room() -> int | None:
    """Return the width of the terminal; None where lines may be as long as they are."""
    if every_column() or not (sys.stdout.isatty() or "COLUMNS" in os.environ):
        return None
    return Console().width
