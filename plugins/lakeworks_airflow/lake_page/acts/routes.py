"""Pages of acts: the plan, the act itself, and what it began. Each act is a run of Airflow that a person can see."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from lakeworks.airflow_api import Airflow
from lakeworks.backfill.runs import RunStart, run_starts
from lakeworks.contract import load_contract
from lakeworks.errors import ConfigError, LakeError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.settings import current_settings
from lakeworks_airflow.lake_page.acts.form import MOST_BYTES, checked, fields_of, require_own_page, signed
from lakeworks_airflow.lake_page.acts.plans import DAGS, TITLES, dags_for, plan_act
from lakeworks_airflow.lake_page.acts.starts import already_started, start
from lakeworks_airflow.lake_page.pages import Links, answer
from lakeworks_airflow.lake_page.partition_view import PartitionView
from lakeworks_airflow.lake_page.person import ActRefused, Person, person_of
from lakeworks_airflow.lake_page.readings import Reading, Readings


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a sent form, read here because only this function may wait for the body."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            break
    return fields_of(bytes(body), request.headers.get("content-type", ""))


class ActPages:
    """The pages of acts. `reach` connects to Airflow's API as a person."""

    def __init__(self, connect: Callable[[], Lake], reach: Callable[[Person], Airflow], readings: Readings) -> None:
        self.connect, self.reach, self.readings = connect, reach, readings

    def add_to(self, app: FastAPI) -> None:
        """Add the routes."""
        app.add_api_route("/tables/{name}/plan", self.plan, methods=["GET"])
        app.add_api_route("/tables/{name}/act", self.act, methods=["POST"])
        app.add_api_route("/started", self.started, methods=["GET"])

    def allowed(self, request: Request, name: str) -> set[str]:
        """Return the acts that this person may start on a table: the buttons that its pages show."""
        person = person_of(request)
        if person is None or not current_settings().airflow_url:
            return set()
        own = {act for act, dag_id in DAGS.items() if person.may_run(dag_id)}
        try:
            builders = self.readings.get(f"builders of {name}", lambda: dags_for(self.reach(person), "build", name))
        except LakeError:
            return own  # without Airflow's answer there is no button that needs it
        known = builders.value if isinstance(builders, Reading) else []
        return own | ({"build", "backfill"} if any(map(person.may_run, known)) else set())

    def starters(self, request: Request, name: str, view: PartitionView) -> dict[str, RunStart]:
        """Return the run of Airflow behind each publication, with the person who started it, as far as Airflow still knows."""
        person = person_of(request)
        if person is None or not current_settings().airflow_url:
            return {}
        airflow = self.reach(person)
        try:
            own = {*dags_for(airflow, "build", name), *DAGS.values()}
            return run_starts(airflow, {entry.run.id for entry in view.history}, own)
        except LakeError:
            return {}  # the publications are shown all the same

    def plan(self, request: Request, name: str) -> Response:
        """The plan of an act, with the button that starts it."""
        asked = dict(request.query_params)
        act = asked.get("act", "")
        contract = load_contract(name)
        person, airflow = self._person(request, act)
        dags = self._dags(person, airflow, act, name)
        dag_id = asked.get("dag") or dags[0]
        if dag_id not in dags:
            raise LakeNotFound(f"`{dag_id}` does not build `{name}`. These do: {', '.join(dags)}.")
        plan = plan_act(airflow, self.connect(), act, name, dag_id, asked)
        fields = signed(person, {"act": act, "table": name, "dag": dag_id, **plan.fields}, datetime.now(UTC))
        return answer(request, "plan.html", plan=plan, contract=contract, fields=fields, dags=dags, asked=asked)

    def act(self, request: Request, name: str, sent: Annotated[Mapping[str, str], Depends(form_of)]) -> Response:
        """Start what the plan showed."""
        person = person_of(request)
        if person is None:
            raise ActRefused("This login cannot act. Nothing was changed.")
        require_own_page(request.headers, person)
        fields = checked(person, sent, datetime.now(UTC))
        if fields["table"] != name:
            raise ActRefused(f"The form is of `{fields['table']}` and was sent to `{name}`. Nothing was changed.")
        act, dag_id = fields["act"], fields["dag"]
        person, airflow = self._person(request, act)
        person.require(dag_id)
        begun = already_started(airflow, dag_id, fields)
        if begun is None:
            planned = plan_act(airflow, self.connect(), act, name, dag_id, fields)
            begun = start(airflow, planned, fields, person, unpause=sent.get("unpause") == "yes")
        where = f"{Links(request.scope.get('root_path', '')).root}/started?{begun.query}"
        return RedirectResponse(where, status_code=303)

    def started(self, request: Request, dag_id: str, run_id: str = "", backfill: str = "") -> Response:
        """Show the run or backfill that an act began."""
        person = person_of(request)
        if person is None:
            raise ActRefused("This login cannot see runs.")
        airflow = self._reached(person)
        run = airflow.find(f"dags/{dag_id}/dagRuns/{run_id}") if run_id else None
        if run is None and not backfill:
            raise LakeNotFound(f"Airflow has no run `{run_id}` of `{dag_id}`.")
        return answer(request, "started.html", dag_id=dag_id, run=run, backfill=backfill)

    def _person(self, request: Request, act: str) -> tuple[Person, Airflow]:
        person = person_of(request)
        if person is None:
            raise ActRefused("This login cannot act. Nothing was changed.")
        if act not in TITLES:
            raise LakeNotFound(f"There is no act `{act}`. There are: {', '.join(TITLES)}.")
        if act in DAGS:
            person.require(DAGS[act])
        return person, self._reached(person)

    def _dags(self, person: Person, airflow: Airflow, act: str, name: str) -> list[str]:
        """Return the DAGs that the person may run for it, and that can do it."""
        dag_ids = dags_for(airflow, act, name)
        if not dag_ids:
            raise LakeNotFound(
                f"No DAG of this Airflow builds `{name}`. Nothing was started. Name the table in a DAG file."
            )
        own = [dag_id for dag_id in dag_ids if person.may_run(dag_id)]
        if not own:
            person.require(dag_ids[0])
        return own

    def _reached(self, person: Person) -> Airflow:
        if not current_settings().airflow_url:
            raise ConfigError("Acts need LAKE_AIRFLOW_URL at the api-server. Nothing was changed.")
        return self.reach(person)


def airflow_of(person: Person) -> Airflow:
    """Return Airflow's API, as this person uses it."""
    address = current_settings().airflow_url
    return Airflow.as_person(address.get_secret_value() if address else "", person.token)
