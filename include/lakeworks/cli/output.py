"""How the command prints: tables for a person, `--json` for a program, errors on stderr."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lakeworks.errors import LakeError, TransientError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def emit(rows: Sequence[Mapping[str, Any]], *, as_json: bool, title: str = "") -> None:
    """Print rows as a table or as a JSON array."""
    if as_json:
        sys.stdout.write(json.dumps([dict(row) for row in rows], default=str) + "\n")
        return
    if not rows:
        Console().print(f"{title}: nothing found" if title else "nothing found")
        return
    table = Table(title=title or None, title_justify="left", header_style="bold")
    for name in rows[0]:
        numeric = all(isinstance(row[name], int | float) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(_cell(value)) for value in row.values()))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def emit_one(document: Mapping[str, Any]) -> None:
    """Print one JSON object for programs."""
    sys.stdout.write(json.dumps(document, default=str) + "\n")


def fail(error: LakeError) -> None:
    """Print an error as one message."""
    kind = "can be tried again" if isinstance(error, TransientError) else "must be corrected"
    Console(stderr=True, soft_wrap=True).print(f"[bold red]{type(error).__name__}[/] ({kind}): ", end="")
    Console(stderr=True, soft_wrap=True, markup=False, highlight=False).print(str(error))


def joined(values: Iterable[Any]) -> str:
    """Values in one cell."""
    return ", ".join(map(str, values))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
