"""The plan of a range as a person asks for it: a DAG, the first and last period, and how runs are cut."""

from dataclasses import replace
from typing import get_args

from lakeworks.airflow_api import Airflow
from lakeworks.backfill.dag import PipelineDag, read_dag
from lakeworks.backfill.plan import Doings, Plan, RunSpan, make_plan
from lakeworks.backfill.thawing import archived_inputs
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.prices import load_price_book
from lakeworks.settings import current_settings

SPANS: tuple[RunSpan, ...] = get_args(RunSpan)


def plan_range(  # noqa: PLR0913 - what the command and the page ask for
    airflow: Airflow,
    lake: Lake,
    dag: PipelineDag,
    first: str,
    last: str,
    chunk: str | None = None,
    *,
    again: bool = False,
) -> Plan:
    """Compare a range with what is published, and plan the runs that would fill it. Starts nothing.

    Args:
        airflow: Airflow's API.
        lake: the lake.
        dag: the DAG to run.
        first: the first period, as typed.
        last: the last one, included.
        chunk: the longest span of one run; default: a month, or a year of months.
        again: also plan what is done.

    Raises:
        PartitionKeyError: the range is none of the DAG.
        ConfigError: there is no such chunk.
    """
    cut = chunk or ("month" if dag.grain in ("day", "hour") else "year")
    if cut not in SPANS:
        raise ConfigError(f"--chunk `{cut}`: expected {', '.join(SPANS[:-1])} or {SPANS[-1]}. Nothing was started.")
    periods = dag.periods(first, last)
    place = lake.run_place
    doings = Doings(airflow.activities(dag.tables, place).known, airflow.under_way(dag.dag_id, place))
    plan = make_plan(lake, dag, periods, doings, cut, again=again)
    contracts = [lake.contract(table) for table in dag.tables]
    archived = archived_inputs(lake, contracts, plan.periods_to_run, load_price_book(current_settings().price_book))
    return replace(plan, archived=tuple(archived))


def read_for(airflow: Airflow, lake: Lake, dag_id: str) -> PipelineDag:
    """Read the DAG of a backfill in the live lake or a dev lake.

    A run in a dev lake announces no publication and starts no other DAG. So there any DAG of a dev lake's runs will do.

    Raises:
        ConfigError: publications of other tables start it, or its runs cannot work in a dev lake.
    """
    if lake.parent is None:
        return read_producer(airflow, dag_id)
    dag = read_dag(airflow, dag_id)
    if not dag.takes_dev:
        raise ConfigError(
            f"`{dag_id}` has no parameter `dev`, so its runs would publish in the live lake. Nothing was started. Make the "
            f"DAG by `lake_dag`, or build without Airflow: lakeworks dev build {lake.catalog.dev}"
        )
    return dag


def read_producer(airflow: Airflow, dag_id: str) -> PipelineDag:
    """Read a DAG that a schedule starts.

    Raises:
        ConfigError: publications of other tables start it, so a backfill of those brings it along.
    """
    dag = read_dag(airflow, dag_id)
    if dag.started_by:
        names = ", ".join(dag.started_by)
        raise ConfigError(
            f"`{dag.dag_id}` is started by publications of {names}. Nothing was started. Backfill the DAG that "
            f"publishes them; this DAG then follows. To build from current inputs, trigger `{dag.dag_id}` with a "
            "from/to range."
        )
    return dag
