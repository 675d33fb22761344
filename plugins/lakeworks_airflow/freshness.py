"""Telling when tables are older than their contracts promise."""

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from lakeworks.errors import TerminalError
from lakeworks_airflow.connections import connect_lake

if TYPE_CHECKING:
    from airflow.sdk import Context


class FreshnessOperator(BaseOperator):
    """Look at every table's age and tell LAKE_ALERT_URL (and the log) of each late one, once a partition.

    Late tables do not fail the task: that would repeat an alert which was given. A webhook that does not answer does.

    :param tenant: whose share of the lake to look at; nobody's without one.
    """

    ui_color = "#f7efe0"

    def __init__(self, *, tenant: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant = tenant

    def execute(self, context: "Context") -> dict[str, list[str]]:
        """Return the late tables, and those told of now."""
        from datetime import UTC, datetime

        from lakeworks.contract import all_tables, load_contract
        from lakeworks.freshness.alerts import Alerts
        from lakeworks.freshness.freshness import freshness
        from lakeworks.settings import settings

        lake, now, url = connect_lake(self.tenant), datetime.now(UTC), settings().alert_url
        try:
            found = list(freshness(lake, [load_contract(table) for table in all_tables()], now))
            told = Alerts(lake, url.get_secret_value() if url else None).tell_late(found, now)
        except TerminalError as error:
            raise AirflowFailException(str(error)) from error
        return {
            "late": [item.table for item in found if item.state == "late"],
            "told": [item["table"] for item in told],
        }
