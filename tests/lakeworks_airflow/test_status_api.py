"""What `lakeworks status` sends to and reads from Airflow's API, held against Airflow's own models."""

import json
from typing import Any

import requests
from airflow.api_fastapi.core_api.datamodels.dag_run import DAGRunResponse
from airflow.api_fastapi.core_api.datamodels.task_instances import TaskInstanceResponse, TaskInstancesBatchBody
from airflow.utils.state import DagRunState

from lakeworks.airflow_api import Activities, Airflow


class Recording(requests.Session):
    """A session that keeps what is sent and answers that there is nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str, dict[str, Any]]] = []

    def request(self, method: str, url: str, **arguments: Any) -> Any:  # type: ignore[override]
        self.sent.append((method, url, arguments.get("json") or arguments.get("params") or {}))
        answer = requests.Response()
        answer.status_code = 200
        answer._content = json.dumps({"dag_runs": [], "task_instances": [], "access_token": "t"}).encode()
        return answer


def test_every_request_is_one_airflow_understands() -> None:
    session = Recording()
    assert Airflow("http://admin:secret@airflow:8080", session).activities(["silver.transport.trips"]) == Activities()
    login, runs, tasks = session.sent
    assert login == ("POST", "http://airflow:8080/auth/token", {"username": "admin", "password": "secret"})
    assert runs[:2] == ("GET", "http://airflow:8080/api/v2/dags/~/dagRuns")
    assert {DagRunState(state) for state in runs[2]["state"]} == set(DagRunState) - {DagRunState.SUCCESS}
    assert tasks[:2] == ("POST", "http://airflow:8080/api/v2/dags/~/dagRuns/~/taskInstances/list")
    body = TaskInstancesBatchBody.model_validate(tasks[2])  # it forbids what it does not know
    assert (body.page_limit, body.page_offset, body.order_by) == (100, 0, "-id")


def test_every_field_that_is_read_exists() -> None:
    def names(model: Any) -> set[str]:
        return {field.alias or name for name, field in model.model_fields.items()}

    read = {"dag_id", "dag_run_id", "task_id", "state", "start_date", "end_date", "rendered_fields"}
    assert read <= names(TaskInstanceResponse)
    assert {"dag_id", "dag_run_id", "partition_key", "conf", "run_after"} <= names(DAGRunResponse)
