"""Metrics of tables and sources through Airflow's own metrics: StatsD, DataDog or OpenTelemetry, as the deployment chose.

Every metric is a gauge with the value of the last run: a step that is tried again sends the same values, where a counter
would count twice. The dimension is a table or a source, never a partition, because each value of a dimension costs money.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.configuration import conf
from airflow.sdk.observability import stats

if TYPE_CHECKING:
    from lakeworks.freshness.table_age import TableFreshness
    from lakeworks.lake import Lake
    from lakeworks.ledger.run_record import RunRecord

log = logging.getLogger(__name__)
PREFIX = "lakeworks"
# Name: meaning. A name is at most 63 characters with Airflow's prefix, OpenTelemetry's limit.
TABLE_METRICS = {
    "rows_read": "rows that the last run read",
    "rows_published": "rows that it staged and published",
    "rows_quarantined": "rows that it quarantined",
    "rows_deduplicated": "rows that it removed as duplicates",
    "bytes_published": "bytes of its Parquet files",
    "partitions_changed": "partitions that it changed; the others had the same content",
    "publish_seconds": "seconds of its publish step",
    "age_hours": "hours since the end of the newest published data, for tables with a freshness promise",
    "overdue_partitions": "partitions that should be there by that promise",
}
SOURCE_METRICS = {
    "requests_left_today": "requests that the vendor's daily limit leaves",
    "requests_left_this_month": "requests that its monthly limit leaves",
}


def report_publications(records: Sequence["RunRecord"], tenant: str | None = None) -> None:
    """Send the figures of a publish step, over all of its periods."""
    if not records or not _enabled():
        return
    balances = [record.balance for record in records]
    values = {
        "rows_read": sum(item.read for item in balances),
        "rows_published": sum(item.staged for item in balances),
        "rows_quarantined": sum(item.quarantined for item in balances),
        "rows_deduplicated": sum(item.deduplicated for item in balances),
        "bytes_published": sum(record.bytes for record in records),
        "partitions_changed": sum((record.outcome or {}).get("published", 0) for record in records),
        "publish_seconds": round(sum(record.seconds.get("publish", 0.0) for record in records), 3),
    }
    for name, value in values.items():
        _send(name, value, table=records[0].table, tenant=tenant)


def report_ages(ages: Iterable["TableFreshness"], now: datetime, tenant: str | None = None) -> None:
    """Send the age of every table that promises freshness and was published."""
    if not _enabled():
        return
    for item in ages:
        if item.until is not None:
            hours = round((now - item.until).total_seconds() / 3600, 2)
            _send("age_hours", max(hours, 0.0), table=item.table, tenant=tenant)
            _send("overdue_partitions", len({*item.overdue, *item.missing}), table=item.table, tenant=tenant)


def report_budget(lake: "Lake", source: str, client: Any) -> None:
    """Send the requests that a vendor's limits leave; nothing for a vendor without such a limit."""
    if not _enabled():
        return
    from lakeworks.backfill.budgets import budget_of
    from lakeworks.errors import LakeError

    try:
        budget = budget_of(lake, source, datetime.now(UTC), client)
    except LakeError as error:  # the fetch itself has an error of its own to report
        log.warning("The budget of %s could not be read, so it is no metric now: %s", source, error)
        return
    for name, left in (
        ("requests_left_today", budget.left_today),
        ("requests_left_this_month", budget.left_this_month),
    ):
        if left is not None:
            _send(name, left, source=source)


def _send(name: str, value: float, **dimensions: str | None) -> None:
    """Send a gauge. A metric that cannot be sent is a warning: the data are published."""
    tags = {key: text for key, text in dimensions.items() if text}
    stat = f"{PREFIX}.{name}" if _has_tags() else ".".join([PREFIX, name, *tags.values()])
    try:
        stats.gauge(stat, value, tags=tags)
    except Exception as error:
        log.warning("The metric %s was not sent: %s. Data and ledger are not affected.", stat, error)


def _enabled() -> bool:
    return any(_on(option) for option in ("statsd_on", "statsd_datadog_enabled", "otel_on"))


def _has_tags() -> bool:
    """Return whether the chosen exporter keeps tags. Plain StatsD drops them, so there the name says the table."""
    if _on("statsd_datadog_enabled"):
        return True
    return _on("statsd_influxdb_enabled") if _on("statsd_on") else True


def _on(option: str) -> bool:
    return bool(conf.getboolean("metrics", option, fallback=False))
