"""Airflow operators and task groups over the lakeworks library; DAG files import from here and from airflow only."""

from lakeworks_airflow.assets import table_asset
from lakeworks_airflow.bootstrap import LakeBootstrapOperator
from lakeworks_airflow.crawlers import CrawlOperator
from lakeworks_airflow.groups import ingest, write_audit_publish
from lakeworks_airflow.maintenance import (
    CatalogDiffOperator,
    CatalogRepairOperator,
    GarbageOperator,
    VerifyOperator,
)
from lakeworks_airflow.partitions import partition_params, resolve_periods
from lakeworks_airflow.steps import AuditOperator, FetchOperator, PublishOperator, WriteOperator

__all__ = [
    "AuditOperator",
    "CatalogDiffOperator",
    "CatalogRepairOperator",
    "CrawlOperator",
    "FetchOperator",
    "GarbageOperator",
    "LakeBootstrapOperator",
    "PublishOperator",
    "VerifyOperator",
    "WriteOperator",
    "ingest",
    "partition_params",
    "resolve_periods",
    "table_asset",
    "write_audit_publish",
]
