"""Reports for people: alerts about tables older than their contracts promise, and pages about a domain's days."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lakeworks_airflow.deployment import metrics
from lakeworks_airflow.operators.base import LakeOperator
from lakeworks_airflow.partitions import resolve_periods
from lakeworks_airflow.ui_links import DayPageLink

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import Context

    from lakeworks.freshness.table_age import TableFreshness


class FreshnessOperator(LakeOperator):
    """Check every table's age, and send an alert for each late one to LAKE_ALERT_URL and the log, once per partition.

    Late tables do not fail the task, because a retry would repeat their alerts. A webhook that does not answer does.

    :param tenant: as in LakeOperator.
    """

    ui_color = "#f7efe0"

    def step(self, context: "Context") -> dict[str, list[str]]:
        """Return the late tables, and those notified of now."""
        from datetime import UTC, datetime

        from lakeworks.contract import all_tables, load_contract
        from lakeworks.errors import LedgerCorrupt
        from lakeworks.freshness.alerts import Alerts
        from lakeworks.freshness.table_age import freshness
        from lakeworks.settings import current_settings

        lake, now, url = self.lake(), datetime.now(UTC), current_settings().alert_url
        ages = list(freshness(lake, [load_contract(table) for table in all_tables()], now))
        ages += [] if self.tenant else self._stream_ages(now)
        metrics.report_ages(ages, now, self.tenant)
        sent = Alerts(lake, url.get_secret_value() if url else None).send_late(ages, now)
        if faults := [item.fault for item in ages if item.fault]:
            raise LedgerCorrupt(f"{len(faults)} tables cannot be checked: {' '.join(faults)}")
        return {
            "late": [item.table for item in ages if item.state == "late"],
            "sent": [item["table"] for item in sent],
        }

    def _stream_ages(self, now: "datetime") -> "list[TableFreshness]":
        """Return the ages of the owner's streams, from their checkpoints."""
        from lakeworks.freshness.streams import stream_age
        from lakeworks.streaming.lag import stream_lags
        from lakeworks.streaming.stream_place import deployed_streams
        from lakeworks_airflow.connections import lake_client

        places = {place.name: place for place in deployed_streams()}
        lags = stream_lags(lake_client("dynamodb"), places.values()) if places else []
        return [stream_age(one.name, one.closed_through, places[one.name].max_lag, now, one.fault) for one in lags]


class DayPageOperator(LakeOperator):
    """Write a page about the domain for each period of the run: verdict, row balances, audits, quarantined rows.

    It follows the last tables and runs unless one of them failed. It is no teardown: Airflow keeps a waiting run that has one
    when a backfill is cancelled.

    :param domain: the tables' domain. (templated)
    :param grain: the grain of the DAG's partition keys: `month`, `day` or `hour`.
    :param newest: how many periods of a run over a range get a page, the newest of them.
    :param tenant: as in LakeOperator.
    """

    template_fields: Sequence[str] = ("domain",)
    operator_extra_links = (DayPageLink(),)
    ui_color = "#f7efe0"

    def __init__(self, *, domain: str, grain: str = "day", newest: int = 7, **kwargs: Any) -> None:
        super().__init__(**{"trigger_rule": "none_failed", **kwargs})
        self.domain = domain
        self.grain = grain
        self.newest = newest

    def step(self, context: "Context") -> list[str]:
        """Return the keys of the pages."""
        from datetime import UTC, datetime

        from lakeworks.site.day_pages import store_day_pages

        periods = resolve_periods(context["dag_run"], context["params"], self.grain)
        return store_day_pages(self.lake(), self.domain, periods[-self.newest :], datetime.now(UTC))
