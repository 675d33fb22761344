"""Setting the lake up: buckets and their settings, Glue databases, work group, and what else lake.yml declares."""

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from lakeworks.errors import TerminalError
from lakeworks_airflow.connections import lake_client

if TYPE_CHECKING:
    from airflow.sdk import Context

    from lakeworks.infrastructure.engine import Change

log = logging.getLogger(__name__)
_NOTABLE = ("foreign", "refused", "denied", "unsupported", "failed")


class LakeBootstrapOperator(BaseOperator):
    """Make the lake's infrastructure as `LAKE_CONFIG_FILE` declares it; running it again changes nothing.

    What an endpoint does not know, the credentials do not allow or others made is left with a warning; the rest happens.

    :param plan: only say what would change. (templated)
    """

    template_fields = ("plan",)

    def __init__(self, *, plan: bool | str = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan

    def execute(self, context: "Context") -> list[dict[str, Any]]:
        """Return what became, or would become, of every setting."""
        from lakeworks.pipeline.bootstrap import plan_lake
        from lakeworks.settings import settings

        try:
            wanted = plan_lake(settings(), lake_client)
            if str(self.plan).lower() == "true":
                changes = wanted.changes()
                for change in changes:
                    _log(change)
            else:
                changes = wanted.apply(_log)
        except TerminalError as error:
            raise AirflowFailException(str(error)) from error
        return [change.as_dict() for change in changes]


def _log(change: "Change") -> None:
    level = logging.WARNING if change.outcome in _NOTABLE else logging.INFO
    log.log(level, "%s %s: %s %s", change.kind, change.name, change.outcome, change.detail)
    for line in change.lines:
        log.info("    %s", line)
    for remark in change.remarks:
        log.info("    note: %s", remark)
