"""Runs that bring changed code in: tables whose range is excluded are left alone, and vendors are asked for what landing lacks."""

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk import DAG

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.fetch_step import land
from lakeworks.sources import open_source
from lakeworks_airflow import AuditOperator, FetchOperator, PublishOperator, WriteOperator, lake_dag
from lakeworks_airflow.operators.base import LakeOperator
from tests.lakeworks_airflow.operators.test_tenant_operators import ZONES, arguments, context

TRIPS = "bronze.transport.yellow_trips"
STEPS = [FetchOperator, WriteOperator, AuditOperator, PublishOperator]


class Opened(Exception):
    """The lake was asked for."""


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(_: object) -> None:
        raise Opened

    monkeypatch.setattr("lakeworks_airflow.operators.base.connect_lake", connect)


def step(kind: type[LakeOperator]) -> Any:
    with DAG("test", schedule=None, default_args={"grain": "month"}):
        return kind(task_id="task", **arguments(kind))


def run_with(task: Any, **params: Any) -> Any:
    made = context() | {"params": params}
    made["ti"].task = task
    return made


@pytest.mark.parametrize("kind", STEPS)
def test_a_step_of_a_table_that_its_run_leaves_does_nothing(kind: type[LakeOperator], closed: None) -> None:
    task = step(kind)
    run = run_with(task, leave=[task.table, "gold.a.b"])
    assert task.execute(run) == []
    assert (task.outlets, run["ti"].task.outlets) == ([], []), "nothing was published, so nothing is announced"


@pytest.mark.parametrize("leave", [None, [], ["gold.a.b"]])
@pytest.mark.parametrize("kind", STEPS)
def test_every_other_step_works(kind: type[LakeOperator], leave: Any, closed: None) -> None:
    task = step(kind)
    with pytest.raises(Opened):
        task.execute(run_with(task, leave=leave))


def test_a_vendor_is_not_asked_for_what_has_landed(
    lake: Lake, replay_url: str, run_at: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    source = open_source("nyc_tlc", replay_url)

    def connect(name: str, _: Lake) -> Any:
        asked.append(name)
        return source

    monkeypatch.setattr("lakeworks_airflow.operators.base.connect_lake", lambda _: lake)
    monkeypatch.setattr("lakeworks_airflow.operators.steps.connect_source", connect)
    with DAG("test", schedule=None, default_args={"grain": "month"}):
        task: Any = FetchOperator(task_id="task", table=TRIPS)
    landed = land(lake, load_contract(TRIPS), Period.parse("2019-01"), run_at(1), source)
    january = run_with(task, **{"from": "2019-01", "to": "2019-01", "landed": True})
    january["dag_run"].partition_key = None
    assert (task.execute(january), asked) == ([landed.key], [])
    both = run_with(task, **{"from": "2019-01", "to": "2019-02", "landed": True})
    both["dag_run"].partition_key = None
    first, second = task.execute(both)
    assert (first, asked, "month=02" in second) == (landed.key, ["nyc_tlc"], True)
    again = run_with(task, **{"from": "2019-01", "to": "2019-01", "landed": False})
    again["dag_run"].partition_key = None
    task.execute(again)
    assert asked == ["nyc_tlc", "nyc_tlc"]


def test_every_dag_with_a_range_takes_both_parameters() -> None:
    made: list[Any] = []

    @lake_dag(schedule=None, grain="day")
    def shop() -> None:
        made.append(WriteOperator(task_id="task", table=ZONES).dag)

    assert (made[0].params["leave"], made[0].params["landed"]) == (None, False)
