"""WriteOperator over a table that Athena builds: deferred while it runs, completed by the same attempt, stopped when killed."""

import asyncio
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from lakeworks.lake import Lake
from lakeworks.ledger.run_record import load_run_record
from lakeworks_airflow import WriteOperator
from lakeworks_airflow.look_trigger import BuildTrigger, planned_build
from tests.conftest import client
from tests.lakeworks.pipeline.test_athena_build import AthenaShop
from tests.lakeworks.pipeline.test_late_data import TOP, order
from tests.lakeworks_airflow.operators.test_maintenance import operator
from tests.support.athena_engine import Engine
from tests.support.athena_server import serving_athena


@pytest.fixture
def shop(lake: Lake, moto_url: str) -> Iterator[AthenaShop]:
    with serving_athena(Engine(client("glue", moto_url), client("s3", moto_url))) as (athena, url):
        shop = AthenaShop(lake, athena, url)
        shop.sold(1, order(0))
        yield shop


class ShopWrite(WriteOperator):
    """The operator, connected to the shop's lake."""

    shop: AthenaShop

    def lake(self) -> Lake:
        return self.shop.lake


def task_of(shop: AthenaShop, **changes: Any) -> Any:
    task = operator(ShopWrite, table=TOP, grain="day", look_every=0.01, **changes)
    task.shop = shop
    return task


def context(shop: AthenaShop) -> Any:
    run = SimpleNamespace(
        partition_key="2017-01-02", run_id="r", start_date=shop.run().started_at, data_interval_start=None,
        data_interval_end=None,
    )  # fmt: skip
    return {"ti": SimpleNamespace(try_number=1), "dag_run": run, "params": {}}


def deferred(task: Any, given: Any) -> tuple[BuildTrigger, dict[str, Any]]:
    with pytest.raises(TaskDeferred) as pause:
        task.execute(given)
    assert pause.value.method_name == "built"
    path, arguments = pause.value.trigger.serialize()
    assert path == "lakeworks_airflow.look_trigger.BuildTrigger"
    trigger = BuildTrigger(**json.loads(json.dumps(arguments)))
    trigger.connected = lambda: planned_build(task.shop.lake, trigger.prefix)  # type: ignore[method-assign]
    return trigger, pause.value.kwargs or {}


def event_of(trigger: BuildTrigger) -> dict[str, str]:
    async def first() -> Any:
        return await asyncio.wait_for(anext(aiter(trigger.run())), 30)

    event: dict[str, str] = asyncio.run(first()).payload
    return event


def test_the_task_waits_without_a_worker_and_completes_the_build_it_started(shop: AthenaShop) -> None:
    task, given = task_of(shop), context(shop)
    trigger, kept = deferred(task, given)
    (key,) = task_of(shop).built(given, event_of(trigger), **kept)  # another worker goes on
    assert load_run_record(shop.lake.store, key).balance.staged == 1
    assert len(shop.sent) == 1


def test_a_build_that_takes_too_long_is_stopped(shop: AthenaShop) -> None:
    shop.athena.looks = 1000
    task, given = task_of(shop, build_timeout=0.05), context(shop)
    trigger, kept = deferred(task, given)
    with pytest.raises(
        AirflowFailException, match=r"not seen to its end within 0.05 seconds.*was stopped.*build_timeout"
    ):
        task_of(shop, build_timeout=0.05).built(given, event_of(trigger), **kept)
    assert shop.athena.executions[trigger.build].state == "CANCELLED"


def test_a_person_who_ends_the_task_stops_the_build(shop: AthenaShop) -> None:
    shop.athena.looks = 1000
    trigger, _ = deferred(task_of(shop), context(shop))
    asyncio.run(trigger.on_kill())
    assert shop.athena.executions[trigger.build].state == "CANCELLED"
