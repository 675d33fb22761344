"""Task groups: the repetition of DAG files lives here, one level below them."""

from typing import Any

from airflow.sdk import TaskGroup

from lakeworks.core.names import TableName
from lakeworks_airflow.assets import table_asset
from lakeworks_airflow.steps import AuditOperator, FetchOperator, PublishOperator, WriteOperator


def write_audit_publish(table: str, *, grain: str, tenant: str | None = None) -> TaskGroup:
    """Stage, check, then switch: readers never see an unaudited partition. With a tenant, in that tenant's share."""
    with _group(table) as group:
        _steps(table, grain, tenant)
    return group


def ingest(table: str, *, grain: str, tenant: str | None = None, **fetch: Any) -> TaskGroup:
    """Land a source's file, then write, audit and publish it. `fetch` goes to the FetchOperator."""
    with _group(table) as group:
        landed = FetchOperator(task_id="fetch", table=table, grain=grain, tenant=tenant, **fetch)
        landed >> _steps(table, grain, tenant)
    return group


def _steps(table: str, grain: str, tenant: str | None) -> WriteOperator:
    facts: dict[str, Any] = {"table": table, "grain": grain, "tenant": tenant}
    write = WriteOperator(task_id="write", **facts)
    audit = AuditOperator(task_id="audit", staged=write.output, **facts)
    PublishOperator(task_id="publish", staged=audit.output, outlets=[table_asset(table, tenant)], **facts)
    return write


def _group(table: str) -> TaskGroup:
    name = TableName.parse(table)
    return TaskGroup(group_id=f"{name.layer}_{name.table}", tooltip=table)
