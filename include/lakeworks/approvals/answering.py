"""Answers without Airflow's pages: find the run that waits, and give its task the answer through Airflow's API."""

from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote

from lakeworks.airflow_api import Airflow
from lakeworks.contract import Contract
from lakeworks.errors import ConfigError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.approvals import ApprovalRegister, ApprovalRequest

APPROVE, REFUSE = "Approve", "Reject"


def requests_of(lake: Lake, contracts: Iterable[Contract]) -> list[ApprovalRequest]:
    """Return every request of tables, decided ones included, the oldest first.

    A table whose contract has no `approval` any more keeps its requests.
    """
    register = ApprovalRegister(lake.store)
    found = lake.store.map(lambda contract: register.of_table(contract.table), list(contracts))
    return sorted((request for requests in found for request in requests), key=lambda request: request.asked_at)


def waiting_request(lake: Lake, contract: Contract, period: str, run: str | None, now: datetime) -> ApprovalRequest:
    """Return the request that waits for a period.

    Raises:
        LakeNotFound: none waits.
        ConfigError: several runs wait for the period, and `run` names none of them.
    """
    of_table = ApprovalRegister(lake.store).of_table(contract.table)
    waiting = [item for item in of_table if item.waits(now) and item.period == period and run in (None, item.run.id)]
    if not waiting:
        there = ", ".join(sorted({item.period for item in of_table if item.waits(now)})) or "none"
        raise LakeNotFound(
            f"`{contract.name}` {period}: no run waits for approval. Nothing was changed. Waiting periods: {there}. Decided "
            f"ones: lakeworks approvals list {contract.name} --all"
        )
    if len(waiting) > 1:
        runs = ", ".join(f"`{item.run.id}`" for item in waiting)
        raise ConfigError(
            f"`{contract.name}` {period}: {len(waiting)} runs wait for approval: {runs}. Nothing was changed. Name one: --run"
        )
    return waiting[0]


def answer(airflow: Airflow, request: ApprovalRequest, option: str, note: str) -> None:
    """Give the waiting task an answer; it records the answer in the ledger and goes on.

    Raises:
        ConfigError: no task of Airflow asked, it has an answer already, or the login may not answer.
        LakeUnavailable: Airflow does not answer.
    """
    names = request.task
    if not names:
        raise ConfigError(
            f"`{request.table}` {request.period}: no task of Airflow waits for this request. Nothing was changed. Start the "
            "table's DAG for the period: its task `approve` asks."
        )
    dag, run, task = (quote(names[key], safe="") for key in ("dag_id", "run_id", "task_id"))
    path = f"dags/{dag}/dagRuns/{run}/taskInstances/{task}/{names['map_index']}/hitlDetails"
    airflow.call("PATCH", path, json={"chosen_options": [option], "params_input": {"note": note}})
