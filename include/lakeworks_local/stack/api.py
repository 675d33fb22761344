"""Client of Airflow's public REST API, for the demo."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from lakeworks_local.stack.process import StackError

FINISHED = ("success", "failed")


@dataclass
class AirflowApi:
    """A logged-in client."""

    url: str
    login: tuple[str, str]
    session: requests.Session = field(default_factory=requests.Session)

    def connect(self) -> "AirflowApi":
        """Log in."""
        self.session.trust_env = False  # the stack is on this machine, not behind a proxy
        name, password = self.login
        answer = self.session.post(f"{self.url}/auth/token", json={"username": name, "password": password}, timeout=10)
        answer.raise_for_status()
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return self

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Send one request. Raise StackError with the server's explanation."""
        answer = self.session.request(method, f"{self.url}/api/v2/{path}", timeout=120, **arguments)
        if not answer.ok:
            raise StackError(f"Airflow's API answered {answer.status_code} to {method} {path}: {answer.text[:500]}")
        return answer.json() if answer.content else None

    def wait_for_dag(self, dag_id: str, seconds: float = 90, check: Callable[[], None] = lambda: None) -> None:
        """Wait until the DAG is parsed. Raise StackError for an import error; stop at once if `check` raises."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            check()
            errors = self.call("GET", "importErrors")["import_errors"]
            if errors:
                raise StackError(f"{errors[0]['filename']} does not import:\n{errors[0]['stack_trace'][-2000:]}")
            if self.session.get(f"{self.url}/api/v2/dags/{dag_id}/details", timeout=10).ok:
                return
            time.sleep(0.3)
        raise StackError(f"The DAG `{dag_id}` did not appear within {seconds:.0f} s; see airflow-dag-processor.log.")

    def unpause(self, dag_id: str) -> None:
        """Let a DAG's runs start."""
        self.call("PATCH", f"dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str, **body: Any) -> str:
        """Start a run and return its id."""
        answer = self.call("POST", f"dags/{dag_id}/dagRuns", json={"logical_date": None, **body})
        return str(answer["dag_run_id"])

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return every run of a DAG, newest first."""
        runs: list[dict[str, Any]] = []
        while True:
            page = {"limit": 100, "offset": len(runs), "order_by": "-id"}
            answer = self.call("GET", f"dags/{dag_id}/dagRuns", params=page)
            runs += answer["dag_runs"]
            if not answer["dag_runs"] or len(runs) >= answer["total_entries"]:
                return runs

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """One run."""
        return dict(self.call("GET", f"dags/{dag_id}/dagRuns/{run_id}"))

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of a run."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return list(self.call("GET", path, params={"limit": 200})["task_instances"])

    def log(self, dag_id: str, run_id: str, task: dict[str, Any]) -> str:
        """Return the log of a task's last try."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
        content = self.call("GET", path, params={"full_content": "true"}, headers={"Accept": "application/json"})[
            "content"
        ]
        return "\n".join(line if isinstance(line, str) else _line(line) for line in content)

    def failure(self, dag_id: str, run_id: str, lines: int = 30) -> str:
        """Return a run's failed tasks and the end of the first one's log."""
        failed = [task for task in self.tasks(dag_id, run_id) if task["state"] == "failed"]
        if not failed:
            return f"run `{run_id}` of `{dag_id}` failed without a failed task"
        log = "\n".join(self.log(dag_id, run_id, failed[0]).splitlines()[-lines:])
        names = ", ".join(task["task_id"] for task in failed)
        return f"run `{run_id}` of `{dag_id}` failed in {names}\n--- log of {failed[0]['task_id']} ---\n{log}"


def _line(entry: dict[str, Any]) -> str:
    detail = entry.get("error_detail") or []
    text = " ".join(str(item.get("exc_value", "")) for item in detail)
    return f"{entry.get('timestamp', '')} {entry.get('level', '')} {entry.get('event', '')} {text}".strip()
