"""Bootstrap of the lake: buckets and their settings, Glue databases, work group, and everything else in lake.yml."""

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from lakeworks.errors import LakeUnavailable
from lakeworks_airflow.connections import lake_client
from lakeworks_airflow.operators.base import StepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from lakeworks.infrastructure.plan_apply import ResourceChange
    from lakeworks.infrastructure.resource import Clients

log = logging.getLogger(__name__)
_NOTABLE = ("foreign", "refused", "denied", "unsupported", "unconfirmed", "failed")


class LakeBootstrapOperator(StepOperator):
    """Make the lake's infrastructure as `LAKE_CONFIG_FILE` declares it; running it again changes nothing.

    A setting that the endpoint does not support, that others made, or that a review refused is skipped with a warning. A
    setting that was denied, failed or was not confirmed fails the task after all others were made. A denial is not retried.

    :param plan: only say what would change. (templated)
    :param clients: gives a boto3 client for a service and region; default: those of the connection LAKE_AWS_CONN_ID.
    """

    template_fields = ("plan",)

    def __init__(self, *, plan: bool | str = False, clients: "Clients" = lake_client, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.clients = clients

    def step(self, context: "Context") -> list[dict[str, Any]]:
        """Return the outcome, or the planned outcome, of every setting."""
        from lakeworks.infrastructure.lake_bootstrap import plan_lake
        from lakeworks.infrastructure.plan_apply import PROBLEMS
        from lakeworks.settings import current_settings

        plan = plan_lake(current_settings(), self.clients)
        if str(self.plan).lower() == "true":
            changes = plan.changes()
            for change in changes:
                _log(change)
        else:
            changes = plan.apply(_log)
        _complain([change for change in changes if change.outcome in PROBLEMS])
        return [change.as_dict() for change in changes]


def _complain(problems: "list[ResourceChange]") -> None:
    """Raise an error for missing settings: a lake without its protection must not look complete."""
    text = "; ".join(f"{change.kind} {change.name}: {change.detail}" for change in problems)
    if any(change.outcome in ("failed", "unconfirmed") for change in problems):
        raise LakeUnavailable(f"{len(problems)} settings are missing, the others are as declared: {text}")
    if problems:
        raise AirflowFailException(f"{len(problems)} settings were denied, the others are as declared: {text}")


def _log(change: "ResourceChange") -> None:
    level = logging.WARNING if change.outcome in _NOTABLE else logging.INFO
    log.log(level, "%s %s: %s %s", change.kind, change.name, change.outcome, change.detail)
    for line in change.lines:
        log.info("    %s", line)
    for remark in change.remarks:
        log.info("    note: %s", remark)
