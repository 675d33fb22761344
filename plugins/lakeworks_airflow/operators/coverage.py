"""First tasks of an asset-triggered DAG: skip the run unless all days of the period are there and inputs have changed."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from lakeworks_airflow.operators.base import TableOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)
_NAMED = 5


class SkipUntilCoveredOperator(TableOperator):
    """Continue a roll-up once runs of the upstream table covered its whole period. Until then skip the rest of the run.

    The next publication upstream starts the next run, so nothing waits or polls. A correction of an existing day starts the
    roll-up again. In a run that a person triggers, missing days are only logged.

    :param table: the roll-up that is to be built. (templated)
    :param upstream: the table whose runs have to cover the period. (templated)
    :param grain: the grain of the DAG's partition keys.
    :param missing_allowed: how many slots of a period (days of a month, say) may be missing.
    """

    template_fields: Sequence[str] = ("table", "upstream")
    ui_color = "#f2f4e8"
    takes_dev = True

    def __init__(self, *, upstream: str, missing_allowed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.upstream = upstream
        self.missing_allowed = missing_allowed

    def step(self, context: "Context") -> dict[str, list[str]]:
        """Return the missing slots by period."""
        from lakeworks.contract import load_contract
        from lakeworks.status.run_coverage import uncovered

        lake, contract = self.lake(), load_contract(self.upstream)
        missing = {str(p): [str(slot) for slot in uncovered(lake, contract, p)] for p in self.periods(context)}
        waits = [self._waiting(period, slots) for period, slots in missing.items() if len(slots) > self.missing_allowed]
        if waits and by_events(context):
            reason = (
                f"{' '.join(waits)} Nothing was built; the next publication of `{self.upstream}` looks again. Trigger this DAG "
                "by hand with the same partition key to build from what is there."
            )
            log.warning(reason)  # Airflow keeps a skip's reason out of the task's log
            raise AirflowSkipException(reason)
        for line in waits:
            log.warning("%s The run continues, because a person triggered it.", line)
        return missing

    def _waiting(self, period: str, slots: list[str]) -> str:
        more = f" and {len(slots) - _NAMED} more" if len(slots) > _NAMED else ""
        return f"{period} waits for runs of `{self.upstream}`: {', '.join(slots[:_NAMED])}{more}."


class SkipUnchangedOperator(TableOperator):
    """Continue a run if its inputs changed since the last run of its period. Otherwise skip the rest of it.

    A backfill upstream publishes day after day, and each day starts a run. The first run builds all days that are there, and
    the queued ones find nothing new. A run after an unchanged producer is skipped too. A run that a person triggers is not.

    :param table: the table that is to be built. (templated)
    :param grain: the grain of the DAG's partition keys.
    """

    ui_color = "#f2f4e8"
    takes_dev = True

    def step(self, context: "Context") -> list[str]:
        """Return the periods with changed inputs."""
        from lakeworks.contract import load_contract
        from lakeworks.status.input_changes import has_news

        periods = self.periods(context)
        if not by_events(context):
            return [str(period) for period in periods]
        lake, contract = self.lake(), load_contract(self.table)
        news = [str(period) for period in periods if has_news(lake, contract, period)]
        if not news:
            asked = ", ".join(map(str, periods))
            reason = f"What `{self.table}` reads for {asked} is what its last run read: nothing was built."
            log.info(reason)
            raise AirflowSkipException(reason)
        return news


def by_events(context: "Context") -> bool:
    """Return True if publications started the run, and no one asked for it."""
    return bool(context["dag_run"].run_type == "asset_triggered")
