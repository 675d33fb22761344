"""Task groups: the steps that DAG files share."""

from typing import Any

from airflow.sdk import TaskGroup

from lakeworks.contract import load_contract
from lakeworks.core.names import TableName
from lakeworks.errors import LakeError
from lakeworks_airflow.operators.steps import AuditOperator, FetchOperator, PublishOperator, WriteOperator


def write_audit_publish(table: str, **arguments: Any) -> TaskGroup:
    """Write, audit, then publish: readers never see an unaudited partition.

    Between audit and publish, a table whose contract has `approval` gets the task `approve`.

    `grain` and `tenant` come from the DAG (`lake_dag`) unless they are given.
    """
    with _group(table) as group:
        _steps(table, arguments)
    return group


def ingest(table: str, *, grain: str | None = None, tenant: str | None = None, **fetch: Any) -> TaskGroup:
    """Fetch a source's file, then write, audit and publish it. `fetch` goes to the FetchOperator."""
    arguments: dict[str, Any] = {name: value for name, value in {"grain": grain, "tenant": tenant}.items() if value}
    with _group(table) as group:
        fetched = FetchOperator(task_id="fetch", table=table, **arguments, **fetch)
        fetched >> _steps(table, arguments)
    return group


def _steps(table: str, arguments: dict[str, Any]) -> WriteOperator:
    write = WriteOperator(task_id="write", table=table, **arguments)
    audit = AuditOperator(task_id="audit", table=table, staged=write.output, **arguments)
    publish = PublishOperator(task_id="publish", table=table, staged=audit.output, **arguments)
    if _demands_approval(table):
        from lakeworks_airflow.operators.approval.approve import ApproveOperator

        audit >> ApproveOperator(task_id="approve", table=table, staged=audit.output, **arguments) >> publish
    return write


def _demands_approval(table: str) -> bool:
    """Return True if the contract has `approval`. The write step says what is wrong with one that cannot be read."""
    try:
        return load_contract(table).approval is not None
    except LakeError:
        return False


def _group(table: str) -> TaskGroup:
    name = TableName.parse(table)
    return TaskGroup(group_id=f"{name.layer}_{name.table}", tooltip=table)
