"""Schedule and tasks of the DAG that starts when files are dropped."""

from collections.abc import Mapping

from airflow.sdk import Asset, AssetWatcher

from lakeworks.infrastructure.inbox_events import load_inbox_events
from lakeworks.settings import deployed_config_file
from lakeworks_airflow.inbox_trigger import InboxTrigger
from lakeworks_airflow.operators.arrivals import INBOX, ArrivedRunsOperator


def inbox_arrivals() -> list[Asset] | None:
    """Return the schedule of a DAG that runs when files were dropped; None if lake.yml has no `inbox_events`."""
    events = load_inbox_events(deployed_config_file())
    if events is None:
        return None
    trigger = InboxTrigger(events.queue, events.settle_seconds)
    return [Asset(INBOX, uri="lakeworks://inbox", watchers=[AssetWatcher("queue", trigger)])]


def start_arrived(dags: Mapping[str, str]) -> ArrivedRunsOperator:
    """Make the two tasks of that DAG: decide which runs begin, and start them.

    :param dags: as of ArrivedRunsOperator.
    """
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

    arrived = ArrivedRunsOperator(task_id="arrived", dags=dags)
    # No logical date: two runs of the same moment would become one.
    arguments = {"logical_date": None, "skip_when_already_exists": True, "openlineage_inject_parent_info": False}
    TriggerDagRunOperator.partial(task_id="start", **arguments).expand_kwargs(arrived.output)
    return arrived
