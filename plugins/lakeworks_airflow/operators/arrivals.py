"""Arrivals: decide which DAG runs begin for dropped files."""

import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowSkipException

from lakeworks_airflow.operators.base import StepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)
# The asset with an event for each drop.
INBOX = "inbox"
# Airflow's clock of events has microseconds.
_MOMENT = timedelta(milliseconds=1)


class ArrivedRunsOperator(StepOperator):
    """Return the runs to begin for dropped files. TriggerDagRunOperator is expanded over them.

    A run is named after the newest file of its drop, so an event that arrives twice starts no second run. Events since the
    first are read too: Airflow 3.3.2 gives an event that is stored while this run begins to no run before the next drop.

    :param dags: the DAG that fetches each table with a source `file_drop`, by the table's name.
    """

    def __init__(self, *, dags: Mapping[str, str], **kwargs: Any) -> None:
        # By name: Airflow 3.3.2 would take a task's asset, which has no watcher, instead of the schedule's.
        super().__init__(**{"inlets": [Asset.ref(name=INBOX)], **kwargs})
        self.dags = dict(dags)

    def step(self, context: "Context") -> list[dict[str, Any]]:
        """Return the arguments of each run."""
        from lakeworks.settings import deployed_tenants

        drops = _drops(_events(context))
        dags, tenants = _by_dataset(self.dags), {None, *map(str, deployed_tenants())}
        runs = {}
        for drop in drops:
            dag = dags.get(drop["dataset"])
            if dag is None or drop["tenant"] not in tenants:
                log.warning("No DAG takes %s: %s. The files stay in the inbox.", _period_folder(drop), sorted(dags))
                continue
            run = {
                "trigger_dag_id": f"{dag}__{drop['tenant']}" if drop["tenant"] else dag,
                "trigger_run_id": f"inbox__{drop['period']}__{drop['token']}",
                "conf": {"from": drop["period"], "to": drop["period"]},
            }
            runs[run["trigger_dag_id"], run["trigger_run_id"]] = run
            log.info("%s: %s files, run %s of %s", _period_folder(drop), drop["files"], run["trigger_run_id"], dag)
        if not runs:
            raise AirflowSkipException(f"{len(drops)} drops, none for a DAG of this lake.")
        return list(runs.values())


def _events(context: "Context") -> list[Any]:
    """Return the events that started the run, and those stored since the first of them."""
    given = [event for of_asset in context["triggering_asset_events"].values() for event in of_asset]
    if not given:
        return []
    first = min(event.timestamp for event in given) - _MOMENT
    return [*given, *context["inlet_events"][Asset.ref(name=INBOX)].after(first.isoformat())]


def _drops(events: Iterable[Any]) -> list[dict[str, Any]]:
    return [drop for event in events for drop in (event.extra or {}).get("payload", {}).get("drops", [])]


def _by_dataset(dags: Mapping[str, str]) -> dict[str, str]:
    """Return DAGs by the inbox folder in their tables' contracts."""
    from lakeworks.contract import load_contract

    return {str(load_contract(table).source).partition(".")[2]: dag for table, dag in dags.items()}


def _period_folder(drop: Mapping[str, Any]) -> str:
    tenant = f"tenant={drop['tenant']}/" if drop["tenant"] else ""
    return f"inbox/{tenant}{drop['dataset']}/{drop['period']}"
