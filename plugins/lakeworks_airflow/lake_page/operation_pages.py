"""Pages about the whole lake: its bill, its sources, its backfills, and its domains' days."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response

from lakeworks.airflow_api import Airflow
from lakeworks.errors import ConfigError, LakeAccessDenied, LakeError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.settings import current_settings
from lakeworks.site.day_pages import stored_day, stored_days
from lakeworks_airflow.lake_page.backfills_view import read_backfills
from lakeworks_airflow.lake_page.money_view import MoneyView, proposal_of, read_advice, read_effects, read_money
from lakeworks_airflow.lake_page.overview import Ask
from lakeworks_airflow.lake_page.pages import answer, report, underway
from lakeworks_airflow.lake_page.person import ActRefused, Person, person_of
from lakeworks_airflow.lake_page.readings import Readings, Underway
from lakeworks_airflow.lake_page.sources_view import read_sources

# A bill lists the whole bucket, and changes slowly.
BILL_KEPT = 3600.0
COST_DAG = "lake_costs"
_DAYS = 100  # stored pages on one page
_FIELDS = ("lifecycle", "compression", "compact_mb", "layer")


class OperationPages:
    """The pages. `reach` connects to Airflow's API as a person."""

    def __init__(
        self, connect: Callable[[], Lake], reach: Callable[[Person], Airflow], ask: Ask, readings: Readings
    ) -> None:
        self.connect, self.reach, self.ask, self.readings = connect, reach, ask, readings

    def add_to(self, app: FastAPI) -> None:
        """Add the routes."""
        app.add_api_route("/money", self.money, methods=["GET"])
        app.add_api_route("/sources", self.sources, methods=["GET"])
        app.add_api_route("/backfills", self.backfills, methods=["GET"])
        app.add_api_route("/days/{domain}", self.days, methods=["GET"])
        app.add_api_route("/days/{domain}/{day}", self.day, methods=["GET"])

    def costs(self, patience: float | None = 0) -> MoneyView | None:
        """Return the last bill; None if there is none yet. Begins to read it, without a wait."""
        try:
            reading = self.readings.get("the bill", self._bill, keep=BILL_KEPT, patience=patience)
        except LakeError:
            return None  # a price or a permission is missing, or S3 does not answer; the page about money says which
        return None if isinstance(reading, Underway) else reading.value

    def money(self, request: Request) -> Response:
        """The bill, and the effect of a proposal."""
        reading = self.readings.get("the bill", self._bill, keep=BILL_KEPT)
        if isinstance(reading, Underway):
            return underway(request, "the bill: every object of the bucket", reading.seconds)
        asked = {name: request.query_params.get(name, "").strip()[:200] for name in _FIELDS}
        shown: dict[str, Any] = {"effects": None, "advice": None, "fault": "", "waiting": 0}
        if request.query_params.get("compare"):
            shown |= self._compared(asked)
        may_read_logs = bool((person := person_of(request)) and person.may_run(COST_DAG))
        if logs := request.query_params.get("logs", "").strip()[:500]:
            shown |= self._advised(person, logs)
        page = answer(
            request, "money.html", reading=reading, view=reading.value, asked={**asked, "logs": logs},
            may_read_logs=may_read_logs, **shown,
        )  # fmt: skip
        if shown["waiting"]:
            page.headers["Refresh"] = "3"
        return page

    def sources(self, request: Request) -> Response:
        """The sources."""
        reading = self.readings.get("sources", lambda: read_sources(self.connect(), datetime.now(UTC), self.ask))
        if isinstance(reading, Underway):
            return underway(request, "the sources", reading.seconds)
        return answer(request, "sources.html", reading=reading, view=reading.value)

    def backfills(self, request: Request) -> Response:
        """The backfills that this person may see: their own session asks Airflow."""
        person = person_of(request)
        if person is None:
            raise ActRefused("This login cannot see runs.")
        if not current_settings().airflow_url:
            raise ConfigError("Backfills need LAKE_AIRFLOW_URL at the api-server.")
        view = read_backfills(self.reach(person), self.connect(), datetime.now(UTC))
        return answer(request, "backfills.html", view=view)

    def days(self, request: Request, domain: str) -> Response:
        """The stored pages about a domain's days."""
        stored = stored_days(self.connect(), domain)
        return answer(request, "days.html", domain=domain, days=stored[:_DAYS], more=len(stored) - _DAYS)

    def day(self, domain: str, day: str) -> Response:
        """One of them, as the run wrote it."""
        return report(stored_day(self.connect(), domain, day))

    def _advised(self, person: Person | None, logs: str) -> dict[str, Any]:
        """Read access logs for a person who may run the DAG that reads them, too: they may lie in any bucket."""
        if person is None:
            raise ActRefused("This login cannot read access logs.")
        person.require(COST_DAG)
        try:
            reading = self.readings.get(
                f"advice {logs}", lambda: read_advice(self.connect(), datetime.now(UTC), logs), keep=BILL_KEPT
            )
        except (ConfigError, LakeNotFound, LakeAccessDenied) as error:
            return {"fault": str(error)}
        return {"waiting": max(reading.seconds, 1)} if isinstance(reading, Underway) else {"advice": reading.value}

    def _bill(self) -> MoneyView:
        return read_money(self.connect(), datetime.now(UTC))

    def _compared(self, asked: dict[str, str]) -> dict[str, Any]:
        try:
            proposal = proposal_of(asked)
            key = "proposal " + " ".join(f"{name}={value}" for name, value in asked.items())
            reading = self.readings.get(
                key, lambda: read_effects(self.connect(), datetime.now(UTC), proposal), keep=BILL_KEPT
            )
        except ConfigError as error:
            return {"fault": str(error)}
        return {"waiting": max(reading.seconds, 1)} if isinstance(reading, Underway) else {"effects": reading.value}
