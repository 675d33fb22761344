"""Routes of the lake page. Each needs a login; the pages have no script, and their policy allows none."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response

from lakeworks.airflow_api import Airflow, NotPermitted
from lakeworks.contract import load_contract
from lakeworks.core.layout import approval_page_key, audit_key
from lakeworks.core.partition import Period
from lakeworks.documentation.lineage_graph import graph_of
from lakeworks.errors import (
    ConfigError,
    ContractError,
    FencedError,
    LakeError,
    LakeNotFound,
    PartitionKeyError,
    TransientError,
)
from lakeworks.lake import Lake
from lakeworks_airflow.lake_page.acts.routes import ActPages, airflow_of
from lakeworks_airflow.lake_page.charts import bars_of
from lakeworks_airflow.lake_page.operation_pages import OperationPages
from lakeworks_airflow.lake_page.overview import Ask, Overview, current_activities, read_overview
from lakeworks_airflow.lake_page.pages import answer, report, style, underway
from lakeworks_airflow.lake_page.partition_view import read_difference, read_partition
from lakeworks_airflow.lake_page.person import ActRefused, Person
from lakeworks_airflow.lake_page.readings import Reading, Readings, Underway
from lakeworks_airflow.lake_page.table_view import TableView, read_table

# Load only our own style sheet, run no script, send forms only here, and let only Airflow's own pages frame this page.
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",  # under `no-referrer` a browser sends our own forms with the origin `null`
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_TABLES, _WHOLE_LAKE = 500, 24  # small readings that are kept: the DAGs of a table; bills, proposals, sources
_AT_ONCE = 500  # partitions of a day on one page
_STATUS: tuple[tuple[tuple[type[LakeError], ...], int], ...] = (
    ((LakeNotFound, ContractError, PartitionKeyError), 404),
    ((ActRefused, NotPermitted), 403),
    ((FencedError,), 409),
    ((ConfigError,), 400),
    ((TransientError,), 503),
)


def page_of(
    connect: Callable[[], Lake],
    guard: Callable[..., Any],
    ask: Ask = current_activities,
    readings: Readings | None = None,
    reach: Callable[[Person], Airflow] = airflow_of,
) -> FastAPI:
    """Return the application.

    Args:
        connect: connects to the lake.
        guard: the dependency that requires a login; it returns the Person, or None for one who only reads.
        ask: returns Airflow's current tasks.
        readings: where readings are kept.
        reach: connects to Airflow's API as a person.
    """

    def keep(request: Request, person: Annotated[Any, Depends(guard)]) -> None:
        request.state.person = person

    app = FastAPI(title="Lakeworks", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(keep)])
    kept = readings or Readings()
    acts = ActPages(connect, reach, kept.beside(_TABLES))
    operations = OperationPages(connect, reach, ask, kept.beside(_WHOLE_LAKE))
    pages = _Pages(connect, ask, kept, acts, operations)
    app.add_api_route(f"/{style()[1]}", _style_sheet, methods=["GET"])
    app.add_api_route("/", pages.overview, methods=["GET"])
    app.add_api_route("/tables/{name}", pages.table, methods=["GET"])
    app.add_api_route("/tables/{name}/partition", pages.partition, methods=["GET"])
    app.add_api_route("/tables/{name}/difference", pages.difference, methods=["GET"])
    app.add_api_route("/tables/{name}/audit", pages.audit, methods=["GET"])
    app.add_api_route("/tables/{name}/approval", pages.approval, methods=["GET"])
    acts.add_to(app)
    operations.add_to(app)
    app.add_exception_handler(LakeError, _problem)
    app.add_exception_handler(404, _unknown_address)
    app.add_exception_handler(RequestValidationError, _wrong_address)

    @app.middleware("http")
    async def with_headers(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return app


class _Pages:
    """The pages. Airflow's server runs each in a thread of its pool, because reading the lake blocks."""

    def __init__(
        self, connect: Callable[[], Lake], ask: Ask, readings: Readings, acts: ActPages, operations: OperationPages
    ) -> None:
        self.connect, self.ask, self.readings, self.acts, self.operations = connect, ask, readings, acts, operations

    def overview(self, request: Request) -> Response:
        """The tables of the lake."""
        reading = self.readings.get("", lambda: read_overview(self.connect(), datetime.now(UTC), self.ask))
        if isinstance(reading, Underway):
            return underway(request, "the lake", reading.seconds)
        return answer(
            request,
            "overview.html",
            reading=reading,
            view=reading.value,
            money=self.operations.costs(),
            graphs=_graphs(reading.value),
        )

    def table(self, request: Request, name: str, year: str = "", day: str = "", skip: int = 0) -> Response:
        """One table; `year` chooses a year of the calendar, `day` lists a square's partitions and shows its month's hours."""
        load_contract(name)  # check the name first: readings are cached by name, and a visitor may invent one
        reading = self.readings.get(name, lambda: read_table(self.connect(), name, datetime.now(UTC), self.ask))
        if isinstance(reading, Underway):
            return underway(request, name, reading.seconds)
        facts = _table_facts(reading, year, day, max(skip, 0))
        return answer(request, "table.html", reading=reading, acts=self.acts.allowed(request, name), **facts)

    def partition(self, request: Request, name: str, path: str) -> Response:
        """One partition."""
        view = read_partition(self.connect(), name, path)
        starters = self.acts.starters(request, name, view)
        return answer(request, "partition.html", view=view, starters=starters, acts=self.acts.allowed(request, name))

    def difference(self, request: Request, name: str, path: str, before: int, after: int) -> Response:
        """Two publications of a partition, compared."""
        view = read_difference(self.connect(), name, path, before, after)
        return answer(request, "difference.html", view=view)

    def audit(self, name: str, period: str, attempt: str) -> Response:
        """The report of one attempt, as the audit wrote it."""
        return self._stored(name, attempt, audit_key(load_contract(name).table, Period.parse(period), attempt, "html"))

    def approval(self, name: str, period: str, attempt: str) -> Response:
        """The comparison of one attempt with what was live, as its approver saw it."""
        return self._stored(name, attempt, approval_page_key(load_contract(name).table, Period.parse(period), attempt))

    def _stored(self, name: str, attempt: str, key: str) -> Response:
        if "/" in attempt:
            raise LakeNotFound(f"`{name}` has no attempt `{attempt}`.")
        body, _ = self.connect().store.get(key)
        return report(body)


def _table_facts(reading: Reading[TableView], year: str, day: str, skip: int) -> dict[str, Any]:
    view = reading.value
    shown = year if year in view.years else (day[:4] if day[:4] in view.years else (view.years or [""])[-1])
    rows = view.rows_of(shown)
    label, _, column = day.rpartition("-")
    cells = view.places.get((label, int(column)), []) if column.isdecimal() else []
    cells = cells or ([] if day else view.untimed)
    return {
        "view": view,
        "year": shown,
        "day": day,
        "rows": rows,
        "charts": [
            bars_of(view, rows, "rows", lambda cell: cell.rows),
            bars_of(view, rows, "bytes", lambda cell: cell.bytes),
        ],
        "hours": view.hours_of(day[:7]) if view.hourly else [],
        "cells": cells[skip : skip + _AT_ONCE],
        "count": len(cells),
        "skip": skip,
        "next": skip + _AT_ONCE if skip + _AT_ONCE < len(cells) else 0,
    }


def _graphs(view: Overview) -> dict[str, Any]:
    upstreams = {line.contract.name: line.upstreams for line in view.lines}
    return {
        domain: graph_of([line.contract.name for line in lines], upstreams) for domain, lines in view.domains.items()
    }


def _style_sheet() -> Response:
    return Response(style()[0], media_type="text/css", headers={"Cache-Control": "private, max-age=86400, immutable"})


def _problem(request: Request, error: Exception) -> Response:
    """Respond with the error's own message, which says what to do."""
    status = next((code for kinds, code in _STATUS if isinstance(error, kinds)), 500)
    return answer(request, "problem.html", status, error=str(error), passing=status == 503)


def _unknown_address(request: Request, _: Exception) -> Response:
    """Respond to an address that no page has."""
    text = "The lake page has no such address. Begin with the overview: the link `Lake` above."
    return answer(request, "problem.html", 404, error=text, passing=False)


def _wrong_address(request: Request, error: Exception) -> Response:
    """Respond to an address that lacks a part, or has one of another kind."""
    faults = error.errors() if isinstance(error, RequestValidationError) else ()
    names = ", ".join(sorted({str(fault["loc"][-1]) for fault in faults}))
    text = f"The address lacks a part, or a part has a wrong value: {names}. Begin with the overview: the link `Lake` above."
    return answer(request, "problem.html", 422, error=text, passing=False)
