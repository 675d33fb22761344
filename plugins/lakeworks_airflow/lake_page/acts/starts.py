"""Starting an act: Airflow gets one DAG run, or a backfill's runs, from the person who asked."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from lakeworks.airflow_api import Airflow
from lakeworks.backfill import runs
from lakeworks.errors import FencedError, LakeNotFound
from lakeworks_airflow.lake_page.acts.plans import ActPlan
from lakeworks_airflow.lake_page.person import Person


@dataclass(frozen=True)
class Started:
    """A DAG and the run, or the backfill's name, that an act began."""

    dag_id: str
    run_id: str = ""
    backfill: str = ""

    @property
    def query(self) -> str:
        """Return the address's question for the page that shows it."""
        return urlencode({name: value for name, value in vars(self).items() if value})


def already_started(airflow: Airflow, dag_id: str, fields: Mapping[str, str]) -> Started | None:
    """Return what this form has started before: a person pressed the button twice, or loaded the answer again."""
    begun = _named(dag_id, fields)
    if begun.run_id:
        return begun if airflow.find(f"dags/{dag_id}/dagRuns/{begun.run_id}") else None
    try:
        runs.find(airflow, f"{dag_id}/{begun.backfill}")
    except LakeNotFound:
        return None
    return begun


def start(airflow: Airflow, plan: ActPlan, fields: Mapping[str, str], person: Person, *, unpause: bool) -> Started:
    """Start what was planned, under names that come from the form, so that no form starts anything twice.

    Raises:
        FencedError: the lake changed since the plan was shown; nothing was started.
        NotPermitted: Airflow refuses it to this person.
    """
    if any(fields.get(name) != value for name, value in plan.fields.items()):
        raise FencedError(
            "The lake or its runs changed since the plan was shown. Nothing was started. Open the plan again."
        )
    begun = _named(plan.dag_id, fields)
    if plan.backfill:
        runs.start(airflow, plan.backfill, _moment(fields))
    else:
        note = f"{plan.title}, started on the lake page by {person.name}"
        body = {"dag_run_id": begun.run_id, "logical_date": None, "conf": dict(plan.conf or {}), "note": note}
        airflow.call("POST", f"dags/{plan.dag_id}/dagRuns", json=body)
    if plan.paused and unpause:  # only now, so that scheduled runs queue behind
        airflow.call("PATCH", f"dags/{plan.dag_id}", json={"is_paused": False})
    return begun


def _named(dag_id: str, fields: Mapping[str, str]) -> Started:
    if "span" in fields:
        return Started(dag_id, backfill=runs.name_of(fields["span"], _moment(fields)))
    said = "".join(f"{name}={value};" for name, value in sorted(fields.items()))
    return Started(dag_id, run_id=f"lake_page__{fields['at']}__{hashlib.sha256(said.encode()).hexdigest()[:8]}")


def _moment(fields: Mapping[str, str]) -> datetime:
    return datetime.fromisoformat(fields["at"])
