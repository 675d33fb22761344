"""One Airflow asset per table, for the schedules of other domains."""

from airflow.sdk import (
    Asset,
    AssetAny,
    MinimumCount,
    MonthWindow,
    PartitionedAssetTimetable,
    RollupMapper,
    StartOfMonthMapper,
)

from lakeworks.core.names import TableName
from lakeworks.core.tenant import Tenant


def table_asset(table: str, tenant: str | None = None) -> Asset:
    """Return the asset of a table. Its URI names the table, not a bucket, so every deployment has the same assets.

    A tenant's tables are separate assets, so one tenant's publications never start another tenant's runs.
    """
    name = TableName.parse(table)
    if tenant:
        uri = f"lakeworks://{name.layer}/{Tenant(tenant).level}/{name.domain}/{name.table}"
        return Asset(name=f"{name}@{tenant}", uri=uri, group=name.domain)
    return Asset(name=str(name), uri=f"lakeworks://{name.layer}/{name.domain}/{name.table}", group=name.domain)


def monthly_after(*tables: str, tenant: str | None = None) -> PartitionedAssetTimetable:
    """Return a schedule: one run per month (key `2019-01`) whenever days of these tables were published.

    Days that are published together start one run.


    Airflow counts the days of a month only until a run begins, so `WaitForAll` never fires again after a correction
    (docs/adr/0013). So the run's first task asks the ledger whether all days are there: `SkipUntilCoveredOperator`.
    """
    whenever = RollupMapper(
        upstream_mapper=StartOfMonthMapper(input_format="%Y-%m-%d"), window=MonthWindow(), wait_policy=MinimumCount(1)
    )
    assets = AssetAny(*(table_asset(table, tenant) for table in tables))
    return PartitionedAssetTimetable(assets=assets, default_partition_mapper=whenever)
