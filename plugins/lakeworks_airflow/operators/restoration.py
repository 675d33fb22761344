"""Restore archived data and wait for it without holding a worker: a bulk restore from DEEP_ARCHIVE takes two days."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lakeworks_airflow.operators.base import TableOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from lakeworks.core.partition import Period

log = logging.getLogger(__name__)


class RestoreOperator(TableOperator):
    """Restore what is archived of a table's periods, and end once all of it can be read.

    :param table: the table whose live and landed objects are to be read. (templated)
    :param period: the first period (`2019-01`); without it, those the DAG run owns. (templated)
    :param until: the last period, included; the same as the first without it. (templated)
    :param tier: `bulk`, `standard` or `expedited`. (templated)
    :param days: how long the restored copies stay readable. (templated)
    :param look_again_after: how long to wait between two looks at S3.
    """

    template_fields: Sequence[str] = ("table", "period", "until", "tier", "days")

    def __init__(
        self,
        *,
        period: str | None = None,
        until: str | None = None,
        tier: str = "bulk",
        days: int | str = 7,
        look_again_after: timedelta = timedelta(minutes=30),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.period = period
        self.until = until
        self.tier = tier
        self.days = days
        self.look_again_after = look_again_after

    def step(self, context: "Context") -> list[dict[str, Any]]:
        """Return what was restored, a row a period."""
        from lakeworks.contract import load_contract
        from lakeworks.maintenance.restoration import restore
        from lakeworks.prices import load_price_book
        from lakeworks.settings import current_settings

        lake, contract, book = self.lake(), load_contract(self.table), load_price_book(current_settings().price_book)
        requested = [
            restore(lake, contract, period, book, tier=self.tier, days=int(self.days))  # type: ignore[arg-type]
            for period in self._chosen(context)
        ]
        waiting = [item for item in requested if not item.is_readable]
        if waiting:
            self._wait(
                f"{len(waiting)} of {len(requested)} periods of {self.table} are not readable yet: {waiting[0].as_dict()}"
            )
        return [item.as_dict() for item in requested]

    def _chosen(self, context: "Context") -> "list[Period]":
        from lakeworks.core.partition import Period
        from lakeworks.core.period_keys import periods_between

        if not self.period:
            return self.periods(context)
        return periods_between(self.period, self.until or self.period, Period.parse(self.period).grain)

    def look_again(self, context: "Context", event: Any = None) -> Any:
        """Resume after the wait."""
        return self.execute(context)

    def _wait(self, reason: str) -> None:
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        moment = datetime.now(UTC) + self.look_again_after
        log.info("%s The next check is at %s.", reason, moment.isoformat(timespec="minutes"))
        self.defer(trigger=DateTimeTrigger(moment), method_name="look_again")
