"""The task `approve`: it ends at once, waits in Airflow's own state, and follows the answer that it is given."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskAwaitingInput

from lakeworks.core.clock import utc_now
from lakeworks.errors import ApprovalMissing
from lakeworks.ledger.approvals import ApprovalRegister
from lakeworks.pipeline.publish_step import publish
from lakeworks.settings import current_settings
from lakeworks_airflow import PublishOperator, write_audit_publish
from lakeworks_airflow.operators.approval.approve import ApproveOperator
from tests.lakeworks.approvals.guarded_shop import GuardedShop
from tests.support.memory_s3 import memory_lake
from tests.support.shop_project import DAYS, ORDERS, REVENUE, write_shop

DAY = DAYS[0]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedShop]:
    monkeypatch.setenv("LAKE_PROJECT", str(tmp_path / "project"))
    (tmp_path / "project").mkdir()
    made = GuardedShop(memory_lake(tmp_path), write_shop(tmp_path / "project"))
    made.demand(changed_rows_above=0.1)
    made.arrive(DAY, ["10.00", "5.00"])
    made.build(ORDERS, DAY)
    monkeypatch.setattr("lakeworks_airflow.operators.base.connect_lake", lambda _: made.lake)
    monkeypatch.setenv("LAKE_BUCKET", "lake")
    current_settings.cache_clear()
    yield made
    made.contracts()
    current_settings.cache_clear()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the task sends to Airflow."""
    sent: list[Any] = []
    monkeypatch.setattr(
        "airflow.sdk.execution_time.task_runner.SUPERVISOR_COMMS",
        SimpleNamespace(send=lambda msg: sent.append(msg)),
        raising=False,
    )
    return sent


def approving(key: str) -> tuple[ApproveOperator, Any]:
    with DAG("shop", schedule=None, default_args={"grain": "day"}):
        task = ApproveOperator(task_id="approve", table=ORDERS, staged=[key])
        task >> PublishOperator(task_id="publish", table=ORDERS, staged=[key])
    ti = SimpleNamespace(
        try_number=1, dag_id="shop", run_id="manual__1", task_id="approve", map_index=-1,
        id="018f4a3e-0000-7000-8000-000000000000",
    )  # fmt: skip
    return task, {
        "params": {},
        "ti": ti,
        "task_instance": ti,
        "task": task,
        "dag_run": SimpleNamespace(run_id="manual__1"),
    }


def answer(option: str, **person: str) -> dict[str, Any]:
    return {
        "chosen_options": [option],
        "params_input": {"note": "seen"},
        "responded_at": utc_now(),
        "responded_by_user": person or None,
        "timedout": not person,
    }


def test_rows_that_need_no_one_pass(shop: GuardedShop, asked: list[Any]) -> None:
    key = shop.audited(DAY)
    task, context = approving(key)
    assert (task.execute(context), asked) == ([key], [])


def test_the_task_waits_in_airflow_with_the_reasons_and_the_page(shop: GuardedShop, asked: list[Any]) -> None:
    shop.arrive(DAY, ["11.00", "7.00"])
    key = shop.audited(DAY)
    task, context = approving(key)
    with pytest.raises(TaskAwaitingInput) as waits:
        task.execute(context)
    (detail,) = asked
    assert (detail.options, detail.defaults) == (["Approve", "Reject"], ["Reject"])
    assert detail.subject == "Publish silver.sales.orders 2024-01-05?"
    assert "2 rows are added, removed or changed, of 2 live rows" in detail.body
    assert f"{key.replace('_staging', '_audits').removesuffix('/manifest.json')}.approval.html" in unquote(detail.body)
    assert "note" in detail.params
    assert waits.value.timeout
    assert waits.value.timeout.total_seconds() > 71 * 3600
    (request,) = ApprovalRegister(shop.lake.store).of_table(shop.lake.contract(ORDERS).table)
    assert request.task == {"dag_id": "shop", "run_id": "manual__1", "task_id": "approve", "map_index": "-1"}


def test_approved_rows_are_published_with_the_persons_name(shop: GuardedShop, asked: list[Any]) -> None:
    shop.arrive(DAY, ["11.00", "7.00"])
    key = shop.audited(DAY)
    task, context = approving(key)
    with pytest.raises(TaskAwaitingInput):
        task.execute(context)
    task, context = approving(key)  # it resumes in another process
    task.execute_complete(context, answer("Approve", id="7", name="ana"))
    publish(shop.lake, key)
    live = shop.live(ORDERS, DAY)
    assert live
    assert live.approval
    assert (live.approval.by, live.approval.note) == ("ana", "seen")
    assert approving(key)[0].execute(context) == [key]  # a cleared task does not ask again


@pytest.mark.parametrize("person", [{"id": "7", "name": "ana"}, {}], ids=["refused", "no answer in time"])
def test_refused_rows_skip_what_follows(
    shop: GuardedShop, asked: list[Any], person: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    skipped: list[str] = []
    monkeypatch.setattr(ApproveOperator, "skip", lambda self, ti, tasks: skipped.extend(t.task_id for t in tasks))
    shop.arrive(DAY, ["11.00", "7.00"])
    key, before = shop.audited(DAY), shop.live(ORDERS, DAY)
    task, context = approving(key)
    with pytest.raises(TaskAwaitingInput):
        task.execute(context)
    task.execute_complete(context, answer("Reject", **person))
    assert (skipped, shop.live(ORDERS, DAY)) == (["publish"], before)
    assert list(shop.lake.store.scan("_staging/silver/")) == []
    with pytest.raises(AirflowSkipException, match=f"refused by {person.get('name', 'no one in time')}"):
        approving(key)[0].execute(context)


def test_a_publish_task_without_an_answer_fails_for_good(shop: GuardedShop) -> None:
    shop.arrive(DAY, ["11.00", "7.00"])
    key = shop.audited(DAY)
    with DAG("shop", schedule=None, default_args={"grain": "day"}):
        task: Any = PublishOperator(task_id="publish", table=ORDERS, staged=[key])
    with pytest.raises(AirflowFailException, match="demands a person's approval") as failed:
        task.execute(approving(key)[1])
    assert isinstance(failed.value.__cause__, ApprovalMissing)


def test_only_a_table_that_demands_it_has_the_task(shop: GuardedShop) -> None:
    with DAG("shop", schedule=None, default_args={"grain": "day"}) as dag:
        write_audit_publish(ORDERS)
        write_audit_publish(REVENUE)
        write_audit_publish("gold.sales.not_there")  # its write step says what is wrong
    assert {task for task in dag.task_ids if "approve" in task} == {"silver_orders.approve"}
    assert dag.task_dict["silver_orders.publish"].upstream_task_ids == {"silver_orders.audit", "silver_orders.approve"}
