"""Airflow operators and task groups over the lakeworks library; DAG files import from here and from airflow only.

A name is imported from its module when it is asked for: Airflow reads this package's provider description while it is itself
still being imported.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakeworks.settings import deployed_tenants
    from lakeworks_airflow.assets import monthly_after, table_asset
    from lakeworks_airflow.dags import (
        lake_dag,
        partition_params,
        period_param,
        publication_param,
        publication_params,
        table_param,
    )
    from lakeworks_airflow.inbox_schedule import inbox_arrivals, start_arrived
    from lakeworks_airflow.operators.approval.approve import ApproveOperator
    from lakeworks_airflow.operators.arrivals import ArrivedRunsOperator
    from lakeworks_airflow.operators.athena import AthenaQueryOperator
    from lakeworks_airflow.operators.bootstrap import LakeBootstrapOperator
    from lakeworks_airflow.operators.costs import StorageCostOperator
    from lakeworks_airflow.operators.coverage import SkipUnchangedOperator, SkipUntilCoveredOperator
    from lakeworks_airflow.operators.crawlers import CrawlOperator
    from lakeworks_airflow.operators.expiry import ExpireOperator, RollForwardOperator
    from lakeworks_airflow.operators.freshness import DayPageOperator, FreshnessOperator
    from lakeworks_airflow.operators.load import LoadOperator
    from lakeworks_airflow.operators.maintenance import (
        CatalogDiffOperator,
        CatalogRepairOperator,
        CompactOperator,
        GarbageOperator,
        HoldReleasesOperator,
        VerifyOperator,
    )
    from lakeworks_airflow.operators.publications import ReplayOperator, RollbackOperator, WithdrawOperator
    from lakeworks_airflow.operators.restoration import RestoreOperator
    from lakeworks_airflow.operators.serving import ServeOperator
    from lakeworks_airflow.operators.steps import AuditOperator, FetchOperator, PublishOperator, WriteOperator
    from lakeworks_airflow.operators.tenants import TenantOnboardingOperator
    from lakeworks_airflow.partitions import resolve_periods
    from lakeworks_airflow.streams.last_hour import StartLastHourOperator
    from lakeworks_airflow.streams.reconciliation import ReconcileStreamOperator
    from lakeworks_airflow.task_groups import ingest, write_audit_publish
    from lakeworks_airflow.timetables import DailyPartitions, HourlyPartitions, MonthlyPartitions

__all__ = [
    "ApproveOperator",
    "ArrivedRunsOperator",
    "AthenaQueryOperator",
    "AuditOperator",
    "CatalogDiffOperator",
    "CatalogRepairOperator",
    "CompactOperator",
    "CrawlOperator",
    "DailyPartitions",
    "DayPageOperator",
    "ExpireOperator",
    "FetchOperator",
    "FreshnessOperator",
    "GarbageOperator",
    "HoldReleasesOperator",
    "HourlyPartitions",
    "LakeBootstrapOperator",
    "LoadOperator",
    "MonthlyPartitions",
    "PublishOperator",
    "ReconcileStreamOperator",
    "ReplayOperator",
    "RestoreOperator",
    "RollForwardOperator",
    "RollbackOperator",
    "ServeOperator",
    "SkipUnchangedOperator",
    "SkipUntilCoveredOperator",
    "StartLastHourOperator",
    "StorageCostOperator",
    "TenantOnboardingOperator",
    "VerifyOperator",
    "WithdrawOperator",
    "WriteOperator",
    "deployed_tenants",
    "inbox_arrivals",
    "ingest",
    "lake_dag",
    "monthly_after",
    "partition_params",
    "period_param",
    "publication_param",
    "publication_params",
    "resolve_periods",
    "start_arrived",
    "table_asset",
    "table_param",
    "write_audit_publish",
]

_HOME = {
    "ApproveOperator": "lakeworks_airflow.operators.approval.approve",
    "ArrivedRunsOperator": "lakeworks_airflow.operators.arrivals",
    "AthenaQueryOperator": "lakeworks_airflow.operators.athena",
    "AuditOperator": "lakeworks_airflow.operators.steps",
    "CatalogDiffOperator": "lakeworks_airflow.operators.maintenance",
    "CatalogRepairOperator": "lakeworks_airflow.operators.maintenance",
    "CompactOperator": "lakeworks_airflow.operators.maintenance",
    "CrawlOperator": "lakeworks_airflow.operators.crawlers",
    "DailyPartitions": "lakeworks_airflow.timetables",
    "DayPageOperator": "lakeworks_airflow.operators.freshness",
    "ExpireOperator": "lakeworks_airflow.operators.expiry",
    "FetchOperator": "lakeworks_airflow.operators.steps",
    "FreshnessOperator": "lakeworks_airflow.operators.freshness",
    "GarbageOperator": "lakeworks_airflow.operators.maintenance",
    "HoldReleasesOperator": "lakeworks_airflow.operators.maintenance",
    "HourlyPartitions": "lakeworks_airflow.timetables",
    "LoadOperator": "lakeworks_airflow.operators.load",
    "LakeBootstrapOperator": "lakeworks_airflow.operators.bootstrap",
    "MonthlyPartitions": "lakeworks_airflow.timetables",
    "PublishOperator": "lakeworks_airflow.operators.steps",
    "RollForwardOperator": "lakeworks_airflow.operators.expiry",
    "ReconcileStreamOperator": "lakeworks_airflow.streams.reconciliation",
    "ReplayOperator": "lakeworks_airflow.operators.publications",
    "RollbackOperator": "lakeworks_airflow.operators.publications",
    "WithdrawOperator": "lakeworks_airflow.operators.publications",
    "RestoreOperator": "lakeworks_airflow.operators.restoration",
    "ServeOperator": "lakeworks_airflow.operators.serving",
    "SkipUnchangedOperator": "lakeworks_airflow.operators.coverage",
    "SkipUntilCoveredOperator": "lakeworks_airflow.operators.coverage",
    "StartLastHourOperator": "lakeworks_airflow.streams.last_hour",
    "StorageCostOperator": "lakeworks_airflow.operators.costs",
    "TenantOnboardingOperator": "lakeworks_airflow.operators.tenants",
    "VerifyOperator": "lakeworks_airflow.operators.maintenance",
    "WriteOperator": "lakeworks_airflow.operators.steps",
    "deployed_tenants": "lakeworks.settings",
    "inbox_arrivals": "lakeworks_airflow.inbox_schedule",
    "ingest": "lakeworks_airflow.task_groups",
    "lake_dag": "lakeworks_airflow.dags",
    "monthly_after": "lakeworks_airflow.assets",
    "partition_params": "lakeworks_airflow.dags",
    "period_param": "lakeworks_airflow.dags",
    "publication_param": "lakeworks_airflow.dags",
    "publication_params": "lakeworks_airflow.dags",
    "resolve_periods": "lakeworks_airflow.partitions",
    "start_arrived": "lakeworks_airflow.inbox_schedule",
    "table_asset": "lakeworks_airflow.assets",
    "table_param": "lakeworks_airflow.dags",
    "write_audit_publish": "lakeworks_airflow.task_groups",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    return getattr(import_module(_HOME[name]), name)
