"""Serving: update PostgreSQL after a publication."""

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from lakeworks.settings import current_settings
from lakeworks_airflow.connections import connection_id, lake_client, serving_address
from lakeworks_airflow.operators.base import TableOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class ServeOperator(TableOperator):
    """Bring the table's rows in PostgreSQL to the published state. Put it after the publish step, or on its own schedule.

    It follows the ledger, not the run: late partitions, rollbacks and withdrawals since the last time arrive, too.

    :param table: a table whose contract has `serving`. (templated)
    :param conn_id: Airflow connection of type Postgres; without one, LAKE_SERVING_URL.
    :param optional: skip the task where a deployment has no LAKE_SERVING_URL. A tenant's rows never go to the lake's own
        database: a tenant's task needs a `conn_id`.
    """

    def __init__(self, *, conn_id: str | None = None, optional: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.optional = optional

    def step(self, context: "Context") -> dict[str, int]:
        """Return the number of partitions by what became of them."""
        from lakeworks.contract import load_contract
        from lakeworks.serving.database import connected
        from lakeworks.serving.following import serve

        if self.optional and (reason := self._nowhere()):
            log.info(reason)  # Airflow keeps a skip's reason out of the task's log
            raise AirflowSkipException(reason)
        lake = self.lake()
        aws = connection_id(self.tenant)
        with connected(serving_address(self.conn_id), lambda region: lake_client("rds", region, aws)) as connection:
            done = serve(connection, lake, load_contract(self.table))
        return dict(Counter(item.outcome for item in done))

    def _nowhere(self) -> str | None:
        """Return why this deployment does not serve the table; None if it does."""
        if self.conn_id is not None:
            return None
        if self.tenant:
            return (
                f"`{self.table}` of tenant `{self.tenant}` is not served: LAKE_SERVING_URL is the lake's own database."
            )
        return None if current_settings().serving_url else f"`{self.table}` is not served: LAKE_SERVING_URL is not set."
