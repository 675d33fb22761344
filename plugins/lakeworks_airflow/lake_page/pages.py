"""Rendering of the pages: one autoescaped environment, its filters, and the addresses that pages link to."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lakeworks.core.names import LAYERS
from lakeworks.publications import shown_difference
from lakeworks.status.matrix import MARKS, MEANINGS, STATES
from lakeworks_airflow.lake_page.partition_view import time_taken

_FOLDER = Path(__file__).parent
_LONGEST = 200
_RETRY_SECONDS = 2
# A stored report contains its style. Others may write to its bucket, so it gets no origin and no script.
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; sandbox"


def answer(request: Request, template: str, status: int = 200, **facts: Any) -> Response:
    """Return a page as the response to a request."""
    return HTMLResponse(render(template, request.scope.get("root_path", ""), **facts), status)


def report(body: bytes) -> Response:
    """Return a page of the bucket as the response, harmless whatever it contains."""
    return HTMLResponse(body, headers={"Content-Security-Policy": REPORT_POLICY})


def underway(request: Request, what: str, seconds: float) -> Response:
    """Return the page that says how long a first reading has taken, and loads again by itself."""
    page = answer(request, "underway.html", what=what, seconds=seconds)
    page.headers["Refresh"] = str(_RETRY_SECONDS)
    return page


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

    def page(self, name: str) -> str:
        """Return the address of a page about the whole lake: `sources`, `backfills`, `money`."""
        return f"{self.root}/{name}"

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

    def days(self, domain: str, day: str = "") -> str:
        """Return the address of a domain's pages about days, or of one of them."""
        return f"{self.root}/days/{quote(domain)}" + (f"/{quote(day)}" if day else "")

    def difference(self, name: str) -> str:
        """Return the address that compares two publications."""
        return f"{self.root}/tables/{quote(name)}/difference"

    def approval(self, name: str, period: str, attempt: str) -> str:
        """Return the address of the page that compared a run's staged rows with what was live."""
        return f"{self.root}/tables/{quote(name)}/approval?{urlencode({'period': period, 'attempt': attempt})}"

    def audit(self, name: str, period: str, attempt: str) -> str:
        """Return the address of an audit's report."""
        return f"{self.root}/tables/{quote(name)}/audit?{urlencode({'period': period, 'attempt': attempt})}"

    def plan(self, name: str, act: str = "", **asked: str | int) -> str:
        """Return the address of an act's plan; without an act, of the form that asks for one."""
        given = {key: value for key, value in {"act": act, **asked}.items() if value not in ("", 0)}
        return f"{self.root}/tables/{quote(name)}/plan" + (f"?{urlencode(given)}" if given else "")

    def act(self, name: str) -> str:
        """Return the address that a plan's form is sent to."""
        return f"{self.root}/tables/{quote(name)}/act"

    def airflow(self, dag_id: str, run_id: str = "") -> str:
        """Return the address of a DAG, or of one of its runs, in Airflow's own pages."""
        base = self.root.removesuffix("/lake")
        return f"{base}/dags/{quote(dag_id, safe='')}" + (f"/runs/{quote(run_id, safe='')}" if run_id else "")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        number=_number,
        size=_size,
        moment=_moment,
        share=_share,
        short=_short,
        usd=_usd,
        duration=_duration,
        time_taken=time_taken,
    )
    environment.globals.update(
        LAYERS=LAYERS, MARKS=MARKS, MEANINGS=MEANINGS, STATES=STATES, shown_difference=shown_difference, as_dicts=_dicts
    )
    return environment


def _dicts(items: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the rows that the command line shows, too."""
    return [item.as_dict() for item in items]


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


def _usd(value: float | None) -> str:
    """Return US dollars, in cents, or as small as they are."""
    if value is None:
        return ""
    return (
        f"${value:,.2f}"
        if abs(value) >= 0.1 or value == 0
        else f"${value:.2g}"
        if abs(value) >= 0.0001
        else "< $0.0001"
    )


def _duration(value: timedelta) -> str:
    """Return a time span by its two largest units."""
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((place for place, (number, _) in enumerate(parts) if number), 3)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2])


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
