"""Load files of the worker's disk (a mounted share, an earlier task's output) into the run's period."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakeworks.errors import PartitionKeyError
from lakeworks_airflow.assets import table_asset
from lakeworks_airflow.operators.base import TableOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class LoadOperator(TableOperator):
    """Check files by the table's contract, land them, write, audit and publish. With `drop`, only copy them to the inbox.

    The task's outlet is the asset of the table, as of PublishOperator. A load that was killed is repeated by the task's retry.

    :param table: a table with `source: file_drop.<data set>`. (templated)
    :param files: files and folders on the worker. (templated)
    :param pattern: names of the files to take from folders. (templated)
    :param keep_going: load the other files if some are refused.
    :param drop: put them into the inbox, for the DAG that fetches the table.
    :param grain: the grain of the DAG's partition keys; the run must own one period.
    """

    template_fields: Sequence[str] = ("table", "files", "pattern")

    def __init__(
        self,
        *,
        files: Sequence[str] | str,
        pattern: str = "*",
        keep_going: bool = False,
        drop: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.files = files
        self.pattern = pattern
        self.keep_going = keep_going
        self.drop = drop
        self.outlets = self.outlets or ([] if drop else [table_asset(self.table, self.tenant)])

    def step(self, context: "Context") -> dict[str, Any]:
        """Return the files with what became of each, and the summary of the period."""
        from lakeworks.contract import load_contract
        from lakeworks.core.file_selection import select
        from lakeworks.loading.inbox_drop import drop_files
        from lakeworks.loading.period_load import check_destination, check_files, load_files
        from lakeworks.status.run_coverage import announced_keys
        from lakeworks_airflow.operators.steps import summary

        lake, contract, periods = self.lake(), load_contract(self.table), self.periods(context)
        if len(periods) != 1:
            raise PartitionKeyError(
                f"The run owns {len(periods)} periods, from {periods[0]}, and files belong to one. Nothing was loaded. Trigger "
                "it with one partition key."
            )
        period = check_destination(contract, str(periods[0]))
        named = [self.files] if isinstance(self.files, str) else self.files
        chosen = select([Path(item) for item in named], self.pattern).only_of(contract.source_options)
        report = (drop_files if self.drop else load_files)(
            lake, contract, period, check_files(contract, chosen), keep_going=self.keep_going
        )
        for left in chosen.left_out:
            self.log.info("left out: %s %s", left.path, left.why)
        for item in report.files:
            self.log.info("%s: %s %s", item.check.file.name, item.state, item.why)
        if report.record is not None:
            keys = announced_keys(contract, [report.record])
            context["outlet_events"][table_asset(self.table, self.tenant)].add_partitions(keys)
        published = summary(report.record) if report.record is not None else {"inbox": report.inbox}
        return {**published, "files": report.counts}
