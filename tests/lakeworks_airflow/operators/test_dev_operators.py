"""A run with the parameter `dev` works in that dev lake, or not at all."""

from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from lakeworks_airflow import (
    ApproveOperator,
    AuditOperator,
    FetchOperator,
    PublishOperator,
    SkipUnchangedOperator,
    SkipUntilCoveredOperator,
    WriteOperator,
    lake_dag,
)
from lakeworks_airflow.operators.base import LakeOperator
from tests.lakeworks_airflow.operators.test_tenant_operators import FOR_TENANTS, ZONES, arguments, context, deployment

__all__ = ["deployment"]
IN_DEV_LAKES = {
    FetchOperator, WriteOperator, AuditOperator, ApproveOperator, PublishOperator, SkipUntilCoveredOperator, SkipUnchangedOperator,
}  # fmt: skip


def in_dev(task: Any) -> Any:
    made = context() | {"params": {"dev": "fix-42"}}
    made["ti"].task = task
    return made


@pytest.mark.parametrize("kind", [kind for kind in FOR_TENANTS if kind not in IN_DEV_LAKES])
def test_a_task_that_works_on_live_only_does_nothing_in_a_dev_run(kind: type[LakeOperator]) -> None:
    with DAG("test", schedule=None, default_args={"grain": "month"}):
        task: Any = kind(task_id="task", **arguments(kind))
    with pytest.raises(
        AirflowSkipException, match="works on the live lake only, and the run works in dev lake `fix-42`"
    ):
        task.execute(in_dev(task))


@pytest.mark.parametrize("kind", sorted(IN_DEV_LAKES, key=lambda kind: kind.__name__))
def test_a_step_opens_the_dev_lake_of_its_run(kind: type[LakeOperator], monkeypatch: pytest.MonkeyPatch) -> None:
    class Opened(Exception):
        """The lake was asked for."""

    class Live:
        def for_dev(self, name: str) -> None:
            raise Opened(name)

    monkeypatch.setattr("lakeworks_airflow.operators.base.connect_lake", lambda _: Live())
    with DAG("test", schedule=None, default_args={"grain": "month"}):
        task: Any = kind(task_id="task", **arguments(kind))
    with pytest.raises(Opened, match="fix-42"):
        task.execute(in_dev(task))


def test_a_dev_run_announces_no_asset(monkeypatch: pytest.MonkeyPatch) -> None:
    with DAG("test", schedule=None, default_args={"grain": "month"}):
        task = PublishOperator(task_id="task", table=ZONES, staged=[])
    live: Any = type("Live", (), {"for_dev": lambda self, _: self})()
    monkeypatch.setattr("lakeworks_airflow.operators.base.connect_lake", lambda _: live)
    assert task.outlets
    run = in_dev(task)
    assert task.execute(run) == []  # `outlet_events` is not in the context: it would be a KeyError
    assert (task.outlets, run["ti"].task.outlets) == ([], [])


def test_a_live_run_announces_its_asset(monkeypatch: pytest.MonkeyPatch) -> None:
    with DAG("test", schedule=None, default_args={"grain": "month"}):
        task = PublishOperator(task_id="task", table=ZONES, staged=[])
    monkeypatch.setattr("lakeworks_airflow.operators.base.connect_lake", lambda _: object())
    with pytest.raises(KeyError, match="outlet_events"):
        task.execute(context())
    assert [asset.name for asset in task.outlets] == [ZONES]


def test_every_dag_with_a_range_has_the_parameter() -> None:
    made: list[Any] = []

    @lake_dag(schedule=None, grain="day", params={})
    def shop() -> None:
        made.append(WriteOperator(task_id="task", table=ZONES).dag)

    assert {"from", "to", "dev"} <= set(made[0].params)


def test_an_error_of_the_dev_lake_is_not_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    from lakeworks.errors import ConfigError

    class Live:
        def for_dev(self, name: str) -> None:
            raise ConfigError(f"There is no dev lake `{name}`")

    monkeypatch.setattr("lakeworks_airflow.operators.base.connect_lake", lambda _: Live())
    with DAG("test", schedule=None, default_args={"grain": "month"}):
        task: Any = WriteOperator(task_id="task", table=ZONES)
    with pytest.raises(AirflowFailException, match="There is no dev lake `fix-42`"):
        task.execute(in_dev(task))
