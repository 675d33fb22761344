"""One Airflow asset a table: what other domains schedule on."""

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
    """The asset of a table; its URI names the table, not a bucket, so that every deployment has the same assets.

    A tenant's tables are assets of their own: what one tenant publishes starts nothing of another's.
    """
    name = TableName.parse(table)
    if tenant:
        uri = f"lakeworks://{name.layer}/{Tenant(tenant).level}/{name.domain}/{name.table}"
        return Asset(name=f"{name}@{tenant}", uri=uri, group=name.domain)
    return Asset(name=str(name), uri=f"lakeworks://{name.layer}/{name.domain}/{name.table}", group=name.domain)


def monthly_after(*tables: str, tenant: str | None = None) -> PartitionedAssetTimetable:
    """Run a month (key `2019-01`) whenever days of one of these tables were published, once for days that came together.

    Airflow counts the days of a month only until a run begins, so `WaitForAll` never fires again after a correction
    (docs/adr/0013). The wait for all days is the run's first task, which asks the ledger: `SkipUntilCoveredOperator`.
    """
    whenever = RollupMapper(
        upstream_mapper=StartOfMonthMapper(input_format="%Y-%m-%d"), window=MonthWindow(), wait_policy=MinimumCount(1)
    )
    assets = AssetAny(*(table_asset(table, tenant) for table in tables))
    return PartitionedAssetTimetable(assets=assets, default_partition_mapper=whenever)
