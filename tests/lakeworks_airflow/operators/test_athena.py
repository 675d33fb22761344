"""AthenaQueryOperator: from start to trigger to file, and what retries, clears and kills cost."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import LakeUnavailable
from lakeworks.infrastructure.resources.athena import WorkGroup
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.settings import current_settings
from lakeworks_airflow import AthenaQueryOperator
from lakeworks_airflow.operators.athena import AthenaQueryTrigger
from tests.conftest import client
from tests.lakeworks.publications.test_publications import published
from tests.lakeworks_airflow.operators.test_maintenance import environment, operator
from tests.support.athena_engine import Engine
from tests.support.athena_server import Athena, serving_athena

TABLE = "gold.commerce.top_customers"
REPORT = (
    "SELECT customer_id, net_amount FROM gold_commerce.top_customers "
    "WHERE year = :year AND month = :month AND day = :day AND net_amount > :threshold ORDER BY customer_rank"
)
OUT = "s3://{bucket}/exports/top/{period}.csv"


@dataclass
class Deployment:
    athena: Athena
    lake: Lake

    def report(self) -> str:
        return self.lake.store.get("exports/top/2017-03-01.csv")[0].decode()


@pytest.fixture
def deployment(
    lake: Lake, moto_url: str, run_at: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployment]:
    day = {"order_date": date(2017, 3, 1), "currency": "USD", "order_count": 1, "avg_order_amount": Decimal("1.00")}
    rows = [
        {**day, "customer_rank": rank, "customer_id": 70 + rank, "net_amount": Decimal(net)}
        for rank, net in enumerate(("2000.05", "1000.01", "1000.00"), 1)
    ]
    published(lake, load_contract(TABLE), rows, run_at(1), Period.parse("2017-03-01"))
    with serving_athena(Engine(client("glue", moto_url), client("s3", moto_url))) as (athena, url):
        group = WorkGroup(lake.store.bucket, f"s3://{lake.store.bucket}/_results/")
        group.write(client("athena", url), group.desired())
        environment(monkeypatch, lake, moto_url, service_config={"athena": {"endpoint_url": url}})
        yield Deployment(athena, lake)
    current_settings.cache_clear()


def report(**changes: Any) -> Any:
    given = {"query": REPORT, "parameters": {"threshold": "1000"}, "out": OUT, "grain": "day", "look_every": 0.01}
    return operator(AthenaQueryOperator, retries=2, **{**given, **changes})


def context(task: Any, attempt: int = 1, cleared_at: int = 0, key: str = "2017-03-01") -> Any:
    """A run's context: a clear raises `max_tries` by the tries made, as Airflow does."""
    ti = SimpleNamespace(
        dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=attempt, max_tries=cleared_at + task.retries
    )
    run = SimpleNamespace(partition_key=key, run_id="r", data_interval_start=None, data_interval_end=None)
    return {"ti": ti, "task": task, "dag_run": run, "params": {}}


def started(task: Any, given: Any) -> AthenaQueryTrigger:
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(given)
    path, arguments = deferred.value.trigger.serialize()
    assert path == "lakeworks_airflow.operators.athena.AthenaQueryTrigger"
    assert deferred.value.method_name == "queried"
    return AthenaQueryTrigger(**json.loads(json.dumps(arguments)))


def waited_for(trigger: AthenaQueryTrigger) -> dict[str, str]:
    async def first() -> Any:
        return await asyncio.wait_for(anext(aiter(trigger.run())), 30)

    event: dict[str, str] = asyncio.run(first()).payload
    return event


def test_the_report_is_asked_for_the_runs_day_and_becomes_a_file(deployment: Deployment) -> None:
    task = report()
    done = task.queried(context(task), waited_for(started(task, context(task))))
    assert deployment.report() == '"customer_id","net_amount"\n71,2000.05\n72,1000.01\n'
    assert (done["rows"], done["target"].endswith("/exports/top/2017-03-01.csv")) == (2, True)
    json.dumps(done)
    (execution,) = deployment.athena.executions.values()
    assert execution.call["ExecutionParameters"] == ["'2017'", "'03'", "'01'", "DECIMAL '1000'"]


def test_without_a_file_few_rows_are_the_result_and_many_are_refused(deployment: Deployment) -> None:
    task = report(out=None)
    done = task.queried(context(task), waited_for(started(task, context(task))))
    assert done["rows"][0] == {"customer_id": 71, "net_amount": "2000.05"}
    many = report(out=None, grain=None, parameters=(), query="SELECT n FROM UNNEST(sequence(1, 1001)) AS t(n)")
    with pytest.raises(AirflowFailException, match=r"more than 1,000 rows.*Name a file"):
        many.queried(context(many), waited_for(started(many, context(many))))


def test_a_retry_takes_its_own_query_and_a_clear_asks_again(deployment: Deployment) -> None:
    task = report()
    first = started(task, context(task))
    assert waited_for(first)["status"] == "SUCCEEDED"  # then the worker died before it wrote the file
    assert task.execute(context(task, attempt=2))["rows"] == 2  # done already: not even deferred
    assert len(deployment.athena.executions) == 1
    cleared = started(task, context(task, attempt=3, cleared_at=2))
    assert cleared.query != first.query
    assert task.execute(context(task, attempt=4, cleared_at=2))["query"] == cleared.query
    assert len(deployment.athena.executions) == 2


def test_a_passing_failure_is_retried_with_a_new_query(deployment: Deployment) -> None:
    task = report()
    deployment.athena.interrupt.append(
        {"ErrorCategory": 1, "ErrorType": 3, "Retryable": True, "ErrorMessage": "slow down"}
    )
    with pytest.raises(LakeUnavailable, match="slow down"):
        task.queried(context(task), waited_for(started(task, context(task))))
    again = context(task, attempt=2)
    assert task.queried(again, waited_for(started(task, again)))["rows"] == 2


def test_over_the_limit_the_task_fails_for_good(deployment: Deployment) -> None:
    deployment.athena.scale = 10**9
    whole = report(
        query="SELECT customer_id FROM gold_commerce.top_customers WHERE order_date = :partition_date", parameters={}
    )
    with pytest.raises(
        AirflowFailException, match=r"the group allows 1,073,741,824 bytes.*Add `year = '2017' AND month"
    ):
        whole.queried(context(whole), waited_for(started(whole, context(whole))))


def test_a_killed_task_stops_its_query_on_worker_and_triggerer(deployment: Deployment) -> None:
    deployment.athena.looks = 1000
    task = report()
    trigger = started(task, context(task))
    task.on_kill()
    assert deployment.athena.executions[trigger.query].state == "CANCELLED"
    waiting = started(task, context(task, attempt=2))  # the stopped one is not taken again
    asyncio.run(waiting.on_kill())
    assert deployment.athena.executions[waiting.query].state == "CANCELLED"
    assert waiting.query != trigger.query


def test_a_query_that_takes_too_long_is_stopped_and_not_retried(deployment: Deployment) -> None:
    deployment.athena.looks = 1000
    task = report(timeout=0)
    trigger = started(task, context(task))
    with pytest.raises(AirflowFailException, match=r"still ran after 0 seconds and was stopped.*longer `timeout`"):
        task.queried(context(task), waited_for(trigger))
    assert deployment.athena.executions[trigger.query].state == "CANCELLED"


def test_a_wrong_value_costs_nothing(deployment: Deployment) -> None:
    task = report(parameters={"threshold": "much"})
    with pytest.raises(AirflowFailException, match=r"`much` is no decimal. Nothing was sent"):
        task.execute(context(task))
    month = report()
    with pytest.raises(AirflowFailException, match="The run owns 31 periods"):
        month.execute(context(month, key="2017-03"))
    assert deployment.athena.executions == {}
