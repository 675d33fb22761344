"""Rendering of the pages: one autoescaped environment, its filters, and the addresses that pages link to."""

import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lakeworks.status.matrix import MARKS, MEANINGS, STATES

_FOLDER = Path(__file__).parent
_LONGEST = 200


def render(template: str, root: str, **values: Any) -> str:
    """Render a page; `root` is the path that the application is mounted at."""
    return _environment().get_template(template).render(links=Links(root), **values)


@cache
def style() -> tuple[str, str]:
    """Return the style sheet and its served name, which changes with its content."""
    text = (_FOLDER / "style.css").read_text()
    return text, f"style-{hashlib.sha256(text.encode()).hexdigest()[:12]}.css"


class Links:
    """Addresses below the path of the application; every part is quoted."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")

    def style(self) -> str:
        """Return the address of the style sheet."""
        return f"{self.root}/{style()[1]}"

    def overview(self) -> str:
        """Return the address of the overview."""
        return f"{self.root}/"

    def table(self, name: str, **asked: str | int) -> str:
        """Return the address of a table's page."""
        given = {key: value for key, value in asked.items() if value not in ("", 0)}
        return f"{self.root}/tables/{quote(name)}" + (f"?{urlencode(given)}" if given else "")

    def partition(self, name: str, path: str) -> str:
        """Return the address of a partition's page."""
        return f"{self.root}/tables/{quote(name)}/partition?{urlencode({'path': path or 'all'})}"

    def audit(self, name: str, period: str, attempt: str) -> str:
        """Return the address of an audit's report."""
        return f"{self.root}/tables/{quote(name)}/audit?{urlencode({'period': period, 'attempt': attempt})}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(number=_number, size=_size, moment=_moment, share=_share, short=_short)
    environment.globals.update(MARKS=MARKS, MEANINGS=MEANINGS, STATES=STATES)
    return environment


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _size(value: int | None) -> str:
    """Return bytes in the largest decimal unit with a digit before the point; S3 bills decimal units."""
    if value is None:
        return ""
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"


def _moment(value: datetime | None) -> str:
    return f"{value:%Y-%m-%d %H:%M} UTC" if value else ""


def _share(value: float | None) -> str:
    if value is None:
        return ""
    return "0" if value == 0 else "< 0.1%" if value < 0.001 else f"{value:.1%}"


def _short(value: Any) -> str:
    """Return a value as a cell shows it, shortened if it is very long."""
    text = "" if value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
