"""Progress of a backfill: runs done, rate, waits with their ends, failures with their reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lakeworks.airflow_api import Airflow
from lakeworks.backfill.quota_waits import Vendors
from lakeworks.backfill.runs import Backfill, ChunkRun, find
from lakeworks.lake import Lake

_OVER = ("success", "failed", "skipped", "upstream_failed", "removed")


@dataclass(frozen=True)
class BackfillProgress:
    """The state of a backfill at one moment."""

    backfill: Backfill
    done: float  # periods, those of running runs by the share of their tasks that are over
    running: tuple[str, ...]
    waiting: tuple[str, ...]
    failures: tuple[str, ...]

    @property
    def total(self) -> int:
        """Periods of all runs."""
        return sum(run.periods for run in self.backfill.runs)

    def per_minute(self, now: datetime) -> float | None:
        """Return the periods a minute since the first run began; None before anything is done."""
        began = min((run.started for run in self.backfill.runs if run.started), default=None)
        ends = [run.ended for run in self.backfill.runs if run.ended]
        until = max(ends) if self.backfill.is_over and ends else now
        minutes = (until - began).total_seconds() / 60 if began else 0
        return self.done / minutes if minutes > 0 and self.done else None

    def time_left(self, now: datetime) -> timedelta | None:
        """Return the time left at the rate so far; None if it is not known, or a task waits for its vendor."""
        rate = self.per_minute(now)
        left = self.total - self.done - self.backfill.count("failed")
        return timedelta(minutes=left / rate) if rate and not self.waiting else None

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """Return a document for programs."""
        left = self.time_left(now)
        return {
            **self.backfill.as_dict(),
            "periods_a_minute": round(rate, 2) if (rate := self.per_minute(now)) else None,
            "seconds_left": round(left.total_seconds()) if left is not None else None,
            "waits": list(self.waiting),
            "failures": list(self.failures),
        }


def look(airflow: Airflow, backfill_id: str, lake: Lake) -> BackfillProgress:
    """Read the runs from Airflow, the tasks of running and failed runs, and from the lake when each vendor's pause ends.

    Raises:
        LakeNotFound: there is no such backfill.
    """
    backfill = find(airflow, backfill_id)
    vendors = Vendors(lake, datetime.now(UTC))
    done = float(backfill.count("success"))
    running: list[str] = []
    waiting: list[str] = []
    failures: list[str] = []
    for run in backfill.runs:
        if run.state == "running":
            tasks = _tasks(airflow, backfill, run)
            over = sum(task["state"] in _OVER for task in tasks)
            done += run.periods * over / max(len(tasks), 1)
            running.append(_at(run, tasks, over))
            waiting += [_wait(run, task, vendors) for task in tasks if task["state"] in ("deferred", "up_for_retry")]
        elif run.state == "failed":
            failures.append(_failure(airflow, backfill, run))
    return BackfillProgress(backfill, done, tuple(running), tuple(waiting), tuple(failures))


def _tasks(airflow: Airflow, backfill: Backfill, run: ChunkRun) -> Sequence[Mapping[str, Any]]:
    where = f"dags/{backfill.dag_id}/dagRuns/{run.run_id}/taskInstances"
    return list(airflow.pages(where, "task_instances"))


def _range(run: ChunkRun) -> str:
    return str(run.first) if run.first == run.last else f"{run.first} to {run.last}"


def _at(run: ChunkRun, tasks: Sequence[Mapping[str, Any]], over: int) -> str:
    now = ", ".join(str(task["task_id"]) for task in tasks if task["state"] == "running")
    return f"{_range(run)}: {over} of {len(tasks)} tasks" + (f", at {now}" if now else "")


def _wait(run: ChunkRun, task: Mapping[str, Any], vendors: Vendors) -> str:
    """Describe a task that waits without a worker: for its vendor until a moment, or for its next try."""
    if task["state"] == "up_for_retry":
        return f"{_range(run)} {task['task_id']}: try {task['try_number']} failed, Airflow tries again"
    if shut := vendors.shut(task):
        until, reason = shut
        return f"{_range(run)} {task['task_id']}: waits until {until:%Y-%m-%d %H:%M} UTC: {reason}"
    return f"{_range(run)} {task['task_id']}: waits for its source (see the task's log)"


def _failure(airflow: Airflow, backfill: Backfill, run: ChunkRun) -> str:
    """Return the first failed task and the last error in its log."""
    tasks = [task for task in _tasks(airflow, backfill, run) if task["state"] == "failed"]
    if not tasks:
        return f"{_range(run)}: ended before it started"
    task = min(tasks, key=lambda item: str(item["end_date"]))
    where = f"dags/{backfill.dag_id}/dagRuns/{run.run_id}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
    log = airflow.call("GET", where, params={"full_content": "true"}, headers={"Accept": "application/json"})["content"]
    return f"{_range(run)} {task['task_id']}: {_cause(log)}"


def _cause(log: Sequence[Any]) -> str:
    """Return the last error line of a structured log, without the traceback."""
    errors = [line for line in log if isinstance(line, Mapping) and line.get("level") in ("error", "critical")]
    for line in reversed(errors):
        detail = line.get("error_detail") or []
        if detail:
            return str(detail[0].get("exc_value") or line.get("event", ""))
    return str(errors[-1].get("event", "")) if errors else "no error in its log"
