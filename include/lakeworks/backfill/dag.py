"""A DAG that builds tables, as Airflow's API describes it: tables, grain, start date, schedule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lakeworks.airflow_api import Airflow
from lakeworks.contract import all_tables
from lakeworks.core.names import TableName
from lakeworks.core.partition import Period
from lakeworks.core.period_keys import periods_between
from lakeworks.errors import ConfigError, LakeNotFound, PartitionKeyError

_ORDER = ("reference", "bronze", "silver", "gold")


@dataclass(frozen=True)
class PipelineDag:
    """A DAG whose runs own periods of one grain."""

    dag_id: str
    grain: str
    tables: tuple[str, ...]
    start: datetime
    paused: bool
    started_by: tuple[str, ...] = ()  # assets; none for a DAG with a schedule of its own
    takes_dev: bool = False  # a run can work in a dev lake

    def periods(self, first: str, last: str) -> list[Period]:
        """Return the DAG's periods between two keys, both included; a month means its first or last day.

        Raises:
            PartitionKeyError: a key is coarser or finer than it can be, the range runs backwards, or begins before the DAG.
        """
        begin, end = _edge(first, self.grain, 0), _edge(last, self.grain, -1)
        periods = periods_between(str(begin), str(end), self.grain)
        if begin.end.replace(tzinfo=UTC) <= self.start:
            since = Period.containing(self.start, self.grain)
            raise PartitionKeyError(
                f"`{self.dag_id}` begins with {since}; `{first}` is earlier. Nothing was started. Give --from "
                f"{since}, or give the DAG an earlier start_date."
            )
        return periods


def read_dag(airflow: Airflow, dag_id: str) -> PipelineDag:
    """Ask Airflow for a DAG.

    Raises:
        LakeNotFound: Airflow has no such DAG; names those that build tables.
        ConfigError: it builds no table, or its runs own no periods.
    """
    details = airflow.find(f"dags/{dag_id}/details")
    if details is None:
        known = sorted(dag["dag_id"] for dag in airflow.call("GET", "dags", params={"limit": 100})["dags"])
        raise LakeNotFound(f"Airflow has no DAG `{dag_id}`. Nothing was started. It has: {', '.join(known)}.")
    tasks = airflow.call("GET", f"dags/{dag_id}/tasks")["tasks"]
    tables = _tables([str(task["task_id"]) for task in tasks], [str(tag["name"]) for tag in details["tags"]])
    params = details.get("params") or {}
    schema = params.get("from", {}).get("schema", {})
    if not tables or "grain" not in schema:
        raise ConfigError(
            f"`{dag_id}` builds no tables by period. There is nothing to backfill; nothing was started. A DAG for "
            "backfills has `partition_params(grain)` as its params and table groups as its tasks."
        )
    start = details.get("start_date") or "1970-01-01T00:00:00+00:00"
    return PipelineDag(
        dag_id=dag_id,
        grain=str(schema["grain"]),
        tables=tuple(tables),
        start=datetime.fromisoformat(start.replace("Z", "+00:00")),
        paused=bool(details["is_paused"]),
        started_by=tuple(sorted(_assets(details.get("asset_expression")))),
        takes_dev="dev" in params,
    )


def builders(airflow: Airflow, table: str) -> list[str]:
    """Return the DAGs that build a table: those with a task that makes the table's asset."""
    assets = airflow.call("GET", "assets", params={"name_pattern": table, "limit": 100})["assets"]
    own = [asset for asset in assets if asset["name"] == table]
    return sorted({str(task["dag_id"]) for asset in own for task in asset["producing_tasks"]})


def _edge(key: str, grain: str, place: int) -> Period:
    """Return the first (0) or last (-1) period of the DAG's grain inside the typed key."""
    typed = Period.parse(key)
    inside = typed.split(grain)
    if typed.grain != grain and len(inside) == 1:
        raise PartitionKeyError(
            f"`{key}` is a {typed.grain}, but each run of this DAG covers one {grain}. Nothing was started. Give "
            f"`{inside[0]}`."
        )
    return inside[place]


def _tables(task_ids: Sequence[str], tags: Sequence[str]) -> list[str]:
    """Return tables by task group (`silver_trips.write`), lower layers first; `domain:…` tags tell names apart."""
    groups = {task_id.partition(".")[0] for task_id in task_ids if task_id.endswith(".write")}
    domains = [tag.partition(":")[2] for tag in tags if tag.startswith("domain:")]
    names = (TableName.parse(table) for table in all_tables())
    own = [n for n in names if f"{n.layer}_{n.table}" in groups and (not domains or n.domain in domains)]
    return [str(name) for name in sorted(own, key=lambda name: (_ORDER.index(name.layer), str(name)))]


def _assets(expression: Mapping[str, Any] | None) -> list[str]:
    """Return the names in an asset expression: `{"any": [{"asset": {"name": …}}, …]}`."""
    if not expression:
        return []
    if "asset" in expression:
        return [str(expression["asset"]["name"])]
    return [name for inner in (*expression.get("any", ()), *expression.get("all", ())) for name in _assets(inner)]
