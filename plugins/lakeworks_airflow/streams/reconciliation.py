"""Streams: reconcile the live view with the published tables."""

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from lakeworks.errors import ConfigError, PartitionKeyError
from lakeworks_airflow.assets import table_asset
from lakeworks_airflow.connections import lake_client
from lakeworks_airflow.operators.base import TableOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class ReconcileStreamOperator(TableOperator):
    """Compare a stream's live view with the published tables for the run's day, and publish the comparison as rows.

    A difference does not fail the task, because a retry would find it again: it is a row, and a warning in the log.

    :param table: the table of the rows, with `source: file_drop.<data set>`. (templated)
    :param stream: the stream in lake.yml; it needs a `live_view`.
    """

    def __init__(self, *, stream: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stream = stream
        self.outlets = self.outlets or [table_asset(self.table, self.tenant)]

    def step(self, context: "Context") -> dict[str, Any]:
        """Return the number of sums and events, and the summary of the published rows."""
        from lakeworks.contract import load_contract
        from lakeworks.loading import load_rows
        from lakeworks.status.run_coverage import announced_keys
        from lakeworks.streaming.live.live_view import LiveView
        from lakeworks.streaming.live.published_rows import PublishedRows
        from lakeworks.streaming.live.reconciliation import reconcile
        from lakeworks.streaming.stream_place import find_stream
        from lakeworks_airflow.operators.steps import summary

        periods = self.periods(context)
        if len(periods) != 1:
            raise PartitionKeyError(
                f"The run owns {len(periods)} days, from {periods[0]}, and compares one. Nothing was compared. Trigger it with "
                "one partition key."
            )
        lake, day = self.lake(), str(periods[0])
        if self.tenant:
            raise AirflowSkipException("The streams of lake.yml are the owner's; a tenant has none.")
        view = LiveView.of(lake_client("dynamodb"), find_stream(self.stream))
        result = reconcile(view, day, PublishedRows(lake, day))
        for row in (row for row in result.sums if row["differs"]):
            self.log.warning("%s", row)
        if not result.rows:
            raise AirflowSkipException(
                f"Neither the live view nor the tables have events of {day}. Nothing was written."
            )
        report = load_rows(self.table, day, result.rows, name="reconciliation", lake=lake)
        if report.record is None:
            raise ConfigError(f"`{self.table}` took no rows: {report.counts}. Nothing was published.")
        keys = announced_keys(load_contract(self.table), [report.record])
        context["outlet_events"][table_asset(self.table, self.tenant)].add_partitions(keys)
        return {
            "sums": len(result.sums),
            "events": len(result.events),
            "differs": result.differs,
            **summary(report.record),
        }
