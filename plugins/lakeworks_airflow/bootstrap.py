"""Setting the lake up: bucket, settings, Glue databases."""

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from lakeworks.errors import TerminalError
from lakeworks_airflow.connections import connect_lake

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class LakeBootstrapOperator(BaseOperator):
    """Create or correct the lake's bucket and Glue databases; running it again changes nothing.

    :param tags: tags for the bucket. (templated)
    """

    template_fields = ("tags",)

    def __init__(self, *, tags: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tags = tags or {}

    def execute(self, context: "Context") -> list[dict[str, str]]:
        """Return what became of every setting."""
        from lakeworks.pipeline.bootstrap import bootstrap
        from lakeworks.settings import settings

        try:
            changes = bootstrap(connect_lake(), settings(), self.tags)
        except TerminalError as error:
            raise AirflowFailException(str(error)) from error
        for change in changes:
            level = logging.WARNING if change.outcome in ("denied", "unsupported") else logging.INFO
            log.log(level, "%s: %s %s", change.setting, change.outcome, change.detail)
        return [vars(change) for change in changes]
