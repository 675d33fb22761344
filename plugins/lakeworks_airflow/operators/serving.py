"""Serving: update PostgreSQL after a publication."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from lakeworks_airflow.connections import serving_address
from lakeworks_airflow.operators.base import TableOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class ServeOperator(TableOperator):
    """Bring the table's rows in PostgreSQL to the published state. Put it after the publish step, or on its own schedule.

    It follows the ledger, not the run: late partitions, rollbacks and withdrawals since the last time arrive, too.

    :param table: a table whose contract has `serving`. (templated)
    :param conn_id: Airflow connection of type Postgres; without one, LAKE_SERVING_URL.
    """

    def __init__(self, *, conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id

    def step(self, context: "Context") -> dict[str, int]:
        """Return the number of partitions by what became of them."""
        from lakeworks.contract import load_contract
        from lakeworks.serving.database import connected
        from lakeworks.serving.following import serve

        lake = self.lake()
        with connected(serving_address(self.conn_id)) as connection:
            done = serve(connection, lake, load_contract(self.table))
        return dict(Counter(item.outcome for item in done))
