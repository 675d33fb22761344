"""Task groups: the steps that DAG files share."""

from typing import Any

from airflow.sdk import TaskGroup

from lakeworks.core.names import TableName
from lakeworks_airflow.operators.steps import AuditOperator, FetchOperator, PublishOperator, WriteOperator


def write_audit_publish(table: str, **arguments: Any) -> TaskGroup:
    """Write, audit, then publish: readers never see an unaudited partition.

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
    PublishOperator(task_id="publish", table=table, staged=audit.output, **arguments)
    return write


def _group(table: str) -> TaskGroup:
    name = TableName.parse(table)
    return TaskGroup(group_id=f"{name.layer}_{name.table}", tooltip=table)
