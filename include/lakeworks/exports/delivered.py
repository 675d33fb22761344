"""The folder that CloudFront delivers: everyone can read it, so nothing above `public` is exported there."""

from collections.abc import Mapping

from lakeworks.contract import Column
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake


def check_delivery(lake: Lake, target: str, columns: Mapping[str, Column] | None) -> None:
    """Refuse a target in the delivered folder unless every column is public; `columns` is None for the rows of a query.

    Raises:
        ConfigError: the target is there, and a column is personal or classified above `public`, or it has no classification.
    """
    bucket, _, key = target.removeprefix("s3://").partition("/")
    if lake.delivered is None or not target.startswith("s3://") or bucket != lake.store.bucket:
        return
    if not key.startswith(lake.delivered):
        return
    where = f"`s3://{bucket}/{lake.delivered}` is read by everyone through CloudFront (`cloudfront` in lake.yml)"
    if columns is None:
        raise ConfigError(
            f"{where}, and the rows of a query have no classification. Nothing was written. Export a table, or write elsewhere."
        )
    if hidden := [name for name, column in columns.items() if column.pii or column.classification != "public"]:
        raise ConfigError(
            f"{where}, and {', '.join(hidden)} must not be: personal, or classified above `public`. Nothing was written. Write "
            "elsewhere, or build a table without these columns."
        )
