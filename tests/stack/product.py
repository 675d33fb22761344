"""The running stack as its user sees it: Airflow's API and the command line."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests

from lakeworks_local.stack.api import FINISHED, AirflowApi
from lakeworks_local.stack.stack import Stack

BIN = Path(sys.executable).parent


class Product:
    """One running stack."""

    def __init__(self, stack: Stack, api: AirflowApi) -> None:
        self.stack = stack
        self.api = api

    def run(self, dag_id: str, **body: Any) -> tuple[str, str]:
        """Trigger and wait; returns run id and state."""
        run_id = self.api.trigger(dag_id, **body)
        return run_id, self.wait(dag_id, run_id)

    def wait(self, dag_id: str, run_id: str, seconds: float = 300) -> str:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = str(self.api.run(dag_id, run_id)["state"])
            if state in FINISHED:
                return state
            time.sleep(0.5)
        raise AssertionError(f"{run_id} did not end in {seconds:.0f} s: {self.unfinished(dag_id, run_id)}")

    def unfinished(self, dag_id: str, run_id: str) -> str:
        """Say in one line what a run and the DAG's other unfinished runs wait for."""
        tasks: dict[str, list[str]] = {}
        for task in self.api.tasks(dag_id, run_id):
            tasks.setdefault(str(task["state"]), []).append(task["task_id"])
        runs = {run["dag_run_id"]: run["state"] for run in self.api.runs(dag_id) if run["state"] not in FINISHED}
        waiting = {state: names for state, names in tasks.items() if state not in ("success", "skipped")}
        return f"unfinished tasks {waiting}, unfinished runs {runs}"

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        return next(item for item in self.api.tasks(dag_id, run_id) if item["task_id"] == task_id)

    def until(self, dag_id: str, run_id: str, task_id: str, state: str) -> dict[str, Any]:
        """Wait until a task is in that state; returns it."""
        deadline = time.monotonic() + 90
        while (task := self.task(dag_id, run_id, task_id))["state"] != state:
            assert time.monotonic() < deadline, f"{task_id} is {task['state']}, not {state}"
            time.sleep(0.3)
        return task

    def clear(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Have a task and all behind it run again, as the button in the UI does."""
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": [task_id],
            "only_failed": False,
            "include_downstream": True,
        }
        self.api.call("POST", f"dags/{dag_id}/clearTaskInstances", json=body)

    def followed(self, dag_id: str, *keys: str) -> list[dict[str, Any]]:
        """Wait until a consumer's runs for these keys have ended; returns the newest run of each key."""
        deadline = time.monotonic() + 180
        while True:
            runs = {run["partition_key"]: run for run in reversed(self.api.runs(dag_id))}
            if set(keys) <= set(runs) and all(run["state"] in FINISHED for run in runs.values()):
                return [runs[key] for key in keys]
            assert time.monotonic() < deadline, runs
            time.sleep(0.5)

    def lakeworks(self, *arguments: str, **environment: str) -> Any:
        done = subprocess.run(
            [str(BIN / "lakeworks"), *arguments, "--json"],
            env={**self.stack.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def versions(self, table: str) -> dict[str, str]:
        """Live object version of every partition."""
        return {row["partition"]: row["version"] for row in self.lakeworks("ledger", table)}

    def succeeds(self, dag_id: str, seconds: float = 600, **body: Any) -> str:
        """Trigger, wait, and show the failed task's log if there is one; returns the run id.

        The DAG is unpaused after the trigger, so that the run its schedule then begins stands behind this one.
        """
        run_id = self.api.trigger(dag_id, **body)
        self.api.unpause(dag_id)
        assert self.wait(dag_id, run_id, seconds) == "success", self.api.failure(dag_id, run_id)
        return run_id

    def scheduled(self, dag_id: str) -> str:
        """The run that its schedule begins once a DAG is unpaused; returns its id."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for run in self.api.runs(dag_id):
                if run["run_type"] == "scheduled":
                    return str(run["dag_run_id"])
            time.sleep(0.3)
        raise AssertionError(f"the schedule of {dag_id} began no run")

    def clock(self, **now: str) -> None:
        """Set the replayed vendors' clocks."""
        assert self.stack.addresses is not None
        for source, moment in now.items():
            clock = {"source": source, "now": moment}
            requests.post(f"{self.stack.addresses.replay}/_control/clock", json=clock, timeout=60).raise_for_status()
