"""A backfill as Airflow runs: one run per chunk, found by its run id. Only Airflow stores the state."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from lakeworks.airflow_api import Airflow
from lakeworks.backfill.plan import Plan
from lakeworks.core.partition import Period
from lakeworks.core.period_keys import periods_between
from lakeworks.errors import LakeNotFound

# Airflow keeps the prefixes manual__, scheduled__, backfill__ to itself.
PREFIX = "lakeworks_backfill__"
ENDED = ("success", "failed")
# Runs that are asked for by name at once, and those read of the answer.
MOST_ASKED, MOST_READ = 20, 500


@dataclass(frozen=True)
class ChunkRun:
    """One run of a backfill."""

    run_id: str
    state: str
    first: Period
    last: Period
    started: datetime | None
    ended: datetime | None

    @property
    def periods(self) -> int:
        """Return the number of periods it owns."""
        return len(periods_between(str(self.first), str(self.last), self.first.grain))


@dataclass(frozen=True)
class Backfill:
    """A backfill that was started: `<dag>/<first>_<last>_<moment>`."""

    dag_id: str
    name: str
    runs: tuple[ChunkRun, ...]

    @property
    def id(self) -> str:
        """Return the backfill's name in commands."""
        return f"{self.dag_id}/{self.name}"

    @property
    def is_over(self) -> bool:
        """Return True if no run is left."""
        return all(run.state in ENDED for run in self.runs)

    def count(self, *states: str) -> int:
        """Return how many periods the runs in these states have."""
        return sum(run.periods for run in self.runs if run.state in states)

    def as_dict(self) -> dict[str, Any]:
        """Return a row for people and programs."""
        return {
            "backfill": self.id,
            "runs": len(self.runs),
            "periods": sum(run.periods for run in self.runs),
            "done": self.count("success"),
            "failed": self.count("failed"),
            "running": self.count("running"),
            "waiting": self.count("queued"),
        }


def name_of(span: str, now: datetime) -> str:
    """Return the name of a backfill of a span (`2019-01_2019-03`) that is started now."""
    return f"{span}_{now.astimezone(UTC):%Y%m%dT%H%M%S}".replace(":", "")


def start(airflow: Airflow, plan: Plan, now: datetime, *, backwards: bool = False) -> Backfill:
    """Trigger the plan's runs, in order; Airflow lets as many begin at once as the DAG allows."""
    name = name_of(f"{plan.periods[0]}_{plan.periods[-1]}", now)
    where = f", in dev lake {plan.dev}" if plan.dev else ""
    for number, (first, last) in enumerate(reversed(plan.runs) if backwards else plan.runs, 1):
        more = plan.conf_of(first)
        whose: dict[str, Any] = {"partition_key": str(first)} | ({"conf": more} if more else {})
        if first != last:
            whose = {"conf": {"from": str(first), "to": str(last), **more}}
        body = {
            "dag_run_id": f"{PREFIX}{name}__{first}",
            "logical_date": None,
            "note": f"Backfill {name}, {number} of {len(plan.runs)}: {first} to {last}" + where,
            **whose,
        }
        airflow.call("POST", f"dags/{plan.dag.dag_id}/dagRuns", json=body)
    return find(airflow, f"{plan.dag.dag_id}/{name}")


def find(airflow: Airflow, backfill_id: str) -> Backfill:
    """Return a backfill and its runs as they are now.

    Raises:
        LakeNotFound: no run of that name is known to Airflow.
    """
    dag_id, _, name = backfill_id.partition("/")
    runs = list(_runs(airflow, dag_id, f"{PREFIX}{name}")) if dag_id and name else []
    if not runs:
        raise LakeNotFound(f"Airflow has no backfill `{backfill_id}`. See: lakeworks backfill list")
    return Backfill(dag_id, name, tuple(runs))


def known(airflow: Airflow, dag_id: str = "~") -> list[Backfill]:
    """Return every backfill whose runs Airflow still has, newest first."""
    by_chunk: dict[tuple[str, str], list[ChunkRun]] = {}
    for run in airflow.pages(f"dags/{dag_id}/dagRuns", "dag_runs", run_id_prefix_pattern=PREFIX):
        name = str(run["dag_run_id"]).removeprefix(PREFIX).rpartition("__")[0]
        by_chunk.setdefault((run["dag_id"], name), []).append(_chunk(run))
    backfills = [Backfill(dag, name, _ordered(runs)) for (dag, name), runs in by_chunk.items()]
    return sorted(backfills, key=lambda item: item.name.rpartition("_")[2], reverse=True)


@dataclass(frozen=True)
class RunStart:
    """A run's DAG, and the person or the kind of trigger that started it."""

    dag_id: str
    by: str


def run_starts(airflow: Airflow, run_ids: Collection[str], dag_ids: Collection[str]) -> dict[str, RunStart]:
    """Return who started these runs of these DAGs, as far as Airflow still has them; of many runs, the newest names."""
    newest = sorted(run_ids, reverse=True)[:MOST_ASKED]
    if not newest:
        return {}
    pages = airflow.pages("dags/~/dagRuns", "dag_runs", run_id_prefix_pattern="|".join(newest))
    return {
        run["dag_run_id"]: RunStart(run["dag_id"], run.get("triggering_user_name") or run.get("run_type") or "")
        for run in islice(pages, MOST_READ)
        if run["dag_run_id"] in newest and run["dag_id"] in dag_ids
    }


def hold(airflow: Airflow, backfill: Backfill, *, paused: bool) -> None:
    """Pause the DAG, so that no further run begins, or resume it. Running runs continue to their end."""
    airflow.call("PATCH", f"dags/{backfill.dag_id}", json={"is_paused": paused})


def cancel(airflow: Airflow, backfill: Backfill) -> Backfill:
    """Cancel the runs that have not begun. Running runs continue, so that no partition is left half built."""
    for run in backfill.runs:
        if run.state == "queued":
            where = f"dags/{backfill.dag_id}/dagRuns/{run.run_id}"
            airflow.call("PATCH", where, json={"state": "failed", "note": "Cancelled: lakeworks backfill cancel"})
    return find(airflow, backfill.id)


def _runs(airflow: Airflow, dag_id: str, prefix: str) -> Sequence[ChunkRun]:
    listed = airflow.pages(f"dags/{dag_id}/dagRuns", "dag_runs", run_id_prefix_pattern=f"{prefix}__")
    return _ordered(_chunk(run) for run in listed)


def _ordered(runs: Iterator[ChunkRun] | Sequence[ChunkRun]) -> tuple[ChunkRun, ...]:
    return tuple(sorted(runs, key=lambda run: run.first.start))


def _chunk(run: Mapping[str, Any]) -> ChunkRun:
    conf = run.get("conf") or {}
    key = run.get("partition_key")
    first, last = (key, key) if key else (conf["from"], conf["to"])
    moments = (run.get(name) for name in ("start_date", "end_date"))
    started, ended = (datetime.fromisoformat(m.replace("Z", "+00:00")) if m else None for m in moments)
    return ChunkRun(run["dag_run_id"], run["state"], Period.parse(first), Period.parse(last), started, ended)
