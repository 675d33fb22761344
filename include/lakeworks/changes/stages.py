"""Stages of an applied plan: the runs of one DAG each, upstream DAGs first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from lakeworks.airflow_api import Airflow
from lakeworks.backfill.dag import PipelineDag, builders, read_dag
from lakeworks.backfill.plan import Plan, chunks, left_tables
from lakeworks.changes.plans import TablePlan
from lakeworks.core.partition import GRAINS, Period
from lakeworks.errors import ConfigError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.status.partition_index import PartitionIndex
from lakeworks.transform.sql import load_sql, upstream


@dataclass(frozen=True)
class Stage:
    """The runs of one DAG, and the planned tables that they build. A run builds the other tables of its DAG as well."""

    tables: tuple[str, ...]
    plan: Plan

    @property
    def dag(self) -> PipelineDag:
        """The DAG."""
        return self.plan.dag


def stages_of(airflow: Airflow, lake: Lake, plans: Sequence[TablePlan]) -> list[Stage]:
    """Return the runs that bring a plan in, upstream DAGs first. Periods of runs under way are left out.

    Raises:
        ConfigError: no DAG builds a table, or two DAGs build each other's inputs.
        LakeUnavailable: Airflow does not answer.
    """
    wanted = [item for item in plans if item.rebuilt]
    dags = _dags(airflow, lake, wanted)
    stages = []
    for dag_id in _ordered({item.contract.name: dag.dag_id for item, dag in dags}, wanted):
        own = [(item, dag) for item, dag in dags if dag.dag_id == dag_id]
        stages.append(_stage(airflow, lake, own[0][1], [item for item, _ in own]))
    return stages


def _dags(airflow: Airflow, lake: Lake, wanted: Sequence[TablePlan]) -> list[tuple[TablePlan, PipelineDag]]:
    """Return each table's DAG: of several that build it, one with a schedule of its own and the most planned tables."""
    tenant = f"@{lake.store.tenant}" if lake.store.tenant else ""
    makers = {item.contract.name: builders(airflow, f"{item.contract.name}{tenant}") for item in wanted}
    known: dict[str, PipelineDag | None] = {}
    for dag_id in sorted({name for names in makers.values() for name in names}):
        try:
            known[dag_id] = read_dag(airflow, dag_id)
        except (ConfigError, LakeNotFound):  # its runs own no periods, such as those that load delivered files
            known[dag_id] = None
    found = []
    for item in wanted:
        name = item.contract.name
        dags = [dag for dag_id in makers[name] if (dag := known[dag_id])]
        if not dags:
            raise ConfigError(
                f"Airflow has no DAG that builds `{name}` by period. Nothing was started. Add the table to a DAG of "
                "`lake_dag`, or look whether the DAG file has an import error."
            )
        count = {dag.dag_id: sum(dag.dag_id in names for names in makers.values()) for dag in dags}
        found.append((item, min(dags, key=lambda dag: (bool(dag.started_by), -count[dag.dag_id], dag.dag_id))))
    return found


def _ordered(dag_of: Mapping[str, str], wanted: Iterable[TablePlan]) -> list[str]:
    """Return the DAGs, each after those that build what its planned tables read."""
    after: dict[str, set[str]] = {dag: set() for dag in dag_of.values()}
    for item in wanted:
        own = dag_of[item.contract.name]
        read = {str(name) for name in upstream(load_sql(item.contract) or "")}
        after[own] |= {dag_of[name] for name in read if name in dag_of} - {own}
    try:
        return list(TopologicalSorter(after).static_order())
    except CycleError as error:
        names = ", ".join(f"`{name}`" for name in sorted(set(error.args[1])))
        raise ConfigError(
            f"The DAGs {names} build each other's inputs, so none can go first. Nothing was started. Start them by hand: "
            "lakeworks backfill start"
        ) from error


def _stage(airflow: Airflow, lake: Lake, dag: PipelineDag, planned: Sequence[TablePlan]) -> Stage:
    periods = sorted({part for item in planned for period in item.periods for part in _of_grain(period, dag.grain)})
    begun = {part for period in airflow.under_way(dag.dag_id, lake.run_place) for part in _of_grain(period, dag.grain)}
    to_run = [period for period in periods if period not in begun]
    left = left_tables(PartitionIndex(lake), [lake.contract(name) for name in dag.tables], to_run)
    runs = tuple(chunks(to_run, "year" if dag.grain == "month" else "month", left))
    under_way = tuple(period for period in periods if period in begun)
    from_landing = not any(item.asks_again for item in planned)
    plan = Plan(dag, tuple(periods), (), (), runs, under_way, left=left, from_landing=from_landing)
    return Stage(tuple(item.contract.name for item in planned), plan)


def _of_grain(period: Period, grain: str) -> list[Period]:
    """Return the periods of a DAG's grain: those inside a longer one, or the one around a shorter one."""
    if GRAINS.index(period.grain) > GRAINS.index(grain):
        return [Period.containing(period.start, grain)]
    return period.split(grain)
