"""One Airflow asset a table: what other domains schedule on."""

from airflow.sdk import Asset

from lakeworks.names import TableName
from lakeworks.tenant import Tenant


def table_asset(table: str, tenant: str | None = None) -> Asset:
    """The asset of a table; its URI names the table, not a bucket, so that every deployment has the same assets.

    A tenant's tables are assets of their own: what one tenant publishes starts nothing of another's.
    """
    name = TableName.parse(table)
    if tenant:
        uri = f"lakeworks://{name.layer}/{Tenant(tenant).level}/{name.domain}/{name.table}"
        return Asset(name=f"{name}@{tenant}", uri=uri, group=name.domain)
    return Asset(name=str(name), uri=f"lakeworks://{name.layer}/{name.domain}/{name.table}", group=name.domain)
