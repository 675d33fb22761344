"""Airflow operators and task groups over the lakeworks library; DAG files import from here and from airflow only."""

from lakeworks.settings import deployed_tenants
from lakeworks_airflow.assets import monthly_after, table_asset
from lakeworks_airflow.bootstrap import LakeBootstrapOperator
from lakeworks_airflow.costs import StorageCostOperator
from lakeworks_airflow.coverage import SkipUnchangedOperator, SkipUntilCoveredOperator
from lakeworks_airflow.crawlers import CrawlOperator
from lakeworks_airflow.dags import lake_dag
from lakeworks_airflow.expiry import ExpireOperator, RollForwardOperator
from lakeworks_airflow.freshness import FreshnessOperator
from lakeworks_airflow.groups import ingest, write_audit_publish
from lakeworks_airflow.maintenance import (
    CatalogDiffOperator,
    CatalogRepairOperator,
    CompactOperator,
    GarbageOperator,
    VerifyOperator,
)
from lakeworks_airflow.partitions import partition_params, resolve_periods
from lakeworks_airflow.restoration import RestoreOperator
from lakeworks_airflow.steps import AuditOperator, FetchOperator, PublishOperator, WriteOperator
from lakeworks_airflow.tenants import TenantOnboardingOperator
from lakeworks_airflow.timetables import DailyPartitions, MonthlyPartitions

__all__ = [
    "AuditOperator",
    "CatalogDiffOperator",
    "CatalogRepairOperator",
    "CompactOperator",
    "CrawlOperator",
    "DailyPartitions",
    "ExpireOperator",
    "FetchOperator",
    "FreshnessOperator",
    "GarbageOperator",
    "LakeBootstrapOperator",
    "MonthlyPartitions",
    "PublishOperator",
    "RestoreOperator",
    "RollForwardOperator",
    "SkipUnchangedOperator",
    "SkipUntilCoveredOperator",
    "StorageCostOperator",
    "TenantOnboardingOperator",
    "VerifyOperator",
    "WriteOperator",
    "deployed_tenants",
    "ingest",
    "lake_dag",
    "monthly_after",
    "partition_params",
    "resolve_periods",
    "table_asset",
    "write_audit_publish",
]
