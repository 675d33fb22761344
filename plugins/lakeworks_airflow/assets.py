"""One Airflow asset a table: what other domains schedule on."""

from airflow.sdk import Asset

from lakeworks.names import TableName


def table_asset(table: str) -> Asset:
    """The asset of a table; its URI names the table, not a bucket, so that every deployment has the same assets."""
    name = TableName.parse(table)
    return Asset(name=str(name), uri=f"lakeworks://{name.layer}/{name.domain}/{name.table}", group=name.domain)
