"""With KubernetesExecutor each step runs in a pod of its size."""

from pathlib import Path

import pytest
from airflow.sdk import BaseOperator

from lakeworks_airflow import WriteOperator
from lakeworks_airflow.deployment.pod_templates import task_policy

OPTION = "AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE"
PODS = Path(__file__).resolve().parents[3] / "docker" / "kubernetes" / "pods"


@pytest.fixture
def write() -> WriteOperator:
    return WriteOperator(task_id="write", table="silver.transport.trips")


def test_a_step_gets_the_template_beside_the_common_one(write: WriteOperator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OPTION, str(PODS / "other.yaml"))
    task_policy(write)
    assert write.executor_config == {"pod_template_file": str(PODS / "write.yaml")}


def test_other_tasks_and_other_executors_keep_what_they_have(
    write: WriteOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(OPTION, raising=False)
    task_policy(write)
    assert not write.executor_config
    monkeypatch.setenv(OPTION, str(PODS / "other.yaml"))
    other = BaseOperator(task_id="report")
    task_policy(other)
    assert not other.executor_config


def test_a_tasks_own_pod_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OPTION, str(PODS / "other.yaml"))
    own = {"pod_template_file": "/opt/large.yaml"}
    task = WriteOperator(task_id="write", table="silver.transport.trips", executor_config=own)
    task_policy(task)
    assert task.executor_config == own


def test_a_folder_without_the_steps_template_changes_nothing(
    write: WriteOperator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "base.yaml").write_text("kind: Pod\n")
    monkeypatch.setenv(OPTION, str(tmp_path / "base.yaml"))
    task_policy(write)
    assert not write.executor_config
