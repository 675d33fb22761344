"""Steps of a table: fetch, write, audit, publish. Each step passes manifest keys to the next one, never data."""

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from lakeworks.errors import NotPublishedYet, QuotaExhausted, TransientError
from lakeworks_airflow.assets import table_asset
from lakeworks_airflow.connections import connect_source
from lakeworks_airflow.deployment import metrics
from lakeworks_airflow.look_trigger import ENDED, BuildTrigger, planned_build
from lakeworks_airflow.operators.base import TableOperator, run_of, without_retries
from lakeworks_airflow.ui_links import AuditReportLink, DataLink

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class PipelineOperator(TableOperator):
    """A step of a table's task group. It does nothing in a run whose parameter `leave` names the table, and announces nothing.

    Then the table's excluded range stays as it is (docs/plan.md). Tables of the same run read what is published of it.
    """

    takes_dev = True

    def execute(self, context: "Context") -> Any:
        """Run the step, unless the run leaves the table alone."""
        if self.table in (context.get("params", {}).get("leave") or ()):
            log.info("This run leaves `%s` alone: a person excluded the range. Nothing was done.", self.table)
            self.outlets = context["ti"].task.outlets = []
            return []
        return super().execute(context)


class FetchOperator(PipelineOperator):
    """Land a source's raw file or answers for each period.

    The task waits without a worker for a period that is not published yet, or for a source's quota. The fetch then continues
    after the landed responses. In a dev lake it only looks up what the live lake has landed. In a run with the parameter
    `landed` it asks for the periods that landing lacks.

    :param table: the table whose contract names the source. (templated)
    :param grain: the grain of the DAG's partition keys.
    :param look_again_after: how long to wait for a period that the source has not published.
    """

    def __init__(self, *, look_again_after: timedelta = timedelta(hours=6), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.look_again_after = look_again_after

    def step(self, context: "Context") -> list[str]:
        """Return the landing keys."""
        from lakeworks.contract import load_contract
        from lakeworks.landing.reader import landed_already, newest_landing
        from lakeworks.pipeline.build_periods import plan
        from lakeworks.pipeline.fetch_step import land

        contract = load_contract(self.table)
        lake, run, periods = self.lake(), run_of(context), plan(contract, self.periods(context))
        if lake.parent:  # a dev lake builds from what the live lake has landed, and asks no vendor
            return [newest_landing(lake, contract, period) for period in periods]
        there = landed_already(lake, contract, periods) if context["params"].get("landed") else {}
        if len(there) == len(periods):
            return list(there.values())
        name = str(contract.source).partition(".")[0]
        source = connect_source(name, lake)
        try:
            return [there.get(period) or land(lake, contract, period, run, source).key for period in periods]
        except NotPublishedYet as waiting:
            self._wait(waiting, datetime.now(UTC) + self.look_again_after)
            raise
        except QuotaExhausted as waiting:
            self._wait(waiting, waiting.retry_at)
            raise
        finally:
            metrics.report_budget(lake, name, source)

    def look_again(self, context: "Context", event: Any = None) -> Any:
        """Resume after the wait."""
        return self.execute(context)

    def _wait(self, reason: TransientError, moment: datetime) -> None:
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        log.warning("%s The next check is at %s.", reason, moment.isoformat(timespec="minutes"))
        self.defer(trigger=DateTimeTrigger(moment), method_name="look_again")


class WriteOperator(PipelineOperator):
    """Build each period's partitions in staging, invisible to readers.

    While another engine (Athena, or Spark on a service) builds, the task is deferred and holds no worker. A killed task stops
    the build.

    :param table: the table to build. (templated)
    :param grain: the grain of the DAG's partition keys.
    :param look_every: seconds between two looks at a build elsewhere.
    :param build_timeout: seconds for such a build; then it is stopped, and the task fails without a retry.
    """

    operator_extra_links = (DataLink(),)

    def __init__(self, *, look_every: float = 10, build_timeout: float = 6 * 3600, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.look_every = look_every
        self.build_timeout = build_timeout
        self._elsewhere: tuple[str, str] | None = None

    def step(self, context: "Context") -> list[str]:
        """Return the keys of what was staged."""
        return self._write(context, [])

    def built(self, context: "Context", event: dict[str, str], done: list[str]) -> list[str]:
        """Go on after a build elsewhere."""
        with without_retries():
            self._elsewhere = event["build"], event["prefix"]
            if event["status"] != ENDED:
                self.on_kill()
                raise AirflowFailException(
                    f"Build {event['build']} of `{self.table}` was not seen to its end within {self.build_timeout:g} seconds"
                    f"{event['message']}, and was stopped. Nothing was published. Give it a longer `build_timeout`."
                )
            return self._write(context, done)

    def on_kill(self) -> None:
        """Stop the build elsewhere."""
        if self._elsewhere:
            build, prefix = self._elsewhere
            planned_build(self.lake(), prefix)[1].stop(build)

    def _write(self, context: "Context", done: list[str]) -> list[str]:
        """Stage the periods after those that are done, one after another."""
        from lakeworks.core.layout import staging_prefix
        from lakeworks.pipeline.build_periods import plan
        from lakeworks.pipeline.write_step import start, write

        lake, run = self.lake(), run_of(context)
        contract = lake.contract(self.table)
        staged = list(done)
        for period in plan(contract, self.periods(context))[len(done) :]:
            prefix = staging_prefix(contract.table, period, run.key)
            build = start(lake, self.table, period, run)
            if build and self._elsewhere != (build, prefix):
                until = time.time() + self.build_timeout
                trigger = BuildTrigger(build, prefix, self.tenant, self.look_every, until)
                self.defer(trigger=trigger, method_name="built", kwargs={"done": staged})
            staged.append(write(lake, self.table, period, run).key)
        return staged


class AuditOperator(PipelineOperator):
    """Validate the staged rows with Great Expectations. A failed audit names check, column, counts and rows.

    :param table: the staged table. (templated)
    :param staged: manifest keys of the write step. (templated)
    """

    template_fields: Sequence[str] = ("table", "staged")
    operator_extra_links = (AuditReportLink(),)

    def __init__(self, *, staged: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.staged = staged

    def step(self, context: "Context") -> list[str]:
        """Return the manifest keys that passed."""
        from lakeworks.pipeline.audit_step import audit

        lake = self.lake()
        return [audit(lake, key).key for key in self.staged]


class PublishOperator(PipelineOperator):
    """Make audited partitions live, each in one step for every reader, and notify catalog, ledger and consumers.

    The task's outlet is the asset of the table, or of the tenant's table. It announces every day (or month, or hour) that the
    run covered, whatever the grain of the run: a run over a range starts the same downstream runs as one run a day.

    :param table: the table to publish. (templated)
    :param staged: manifest keys of the audit step. (templated)
    """

    template_fields: Sequence[str] = ("table", "staged")
    operator_extra_links = (DataLink(),)

    def __init__(self, *, staged: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.staged = staged
        self.outlets = self.outlets or [table_asset(self.table, self.tenant)]

    def step(self, context: "Context") -> list[dict[str, Any]]:
        """Return a small summary a period."""
        from lakeworks.contract import load_contract
        from lakeworks.pipeline.publish_step import publish
        from lakeworks.status.run_coverage import announced_keys

        lake = self.lake()
        records = [publish(lake, key) for key in self.staged]
        if self.dev:
            return [summary(record) for record in records]
        metrics.report_publications(records, self.tenant)
        keys = announced_keys(load_contract(self.table), records)
        context["outlet_events"][table_asset(self.table, self.tenant)].add_partitions(keys)
        return [summary(record) for record in records]


def summary(record: Any) -> dict[str, Any]:
    """Return the task's summary for the UI: row balance, outcome of the partitions, partitions that late data re-opened."""
    balance = record.balance.model_dump(exclude={"broken"})
    late = {} if record.touched is None else {"touched": len(record.touched)}
    return {"table": record.table, "period": record.period, **balance, **late, "partitions": record.outcome}
