"""What every lakeworks operator does: find its periods, run one library step for each, map errors to retries."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from lakeworks.errors import TerminalError
from lakeworks_airflow.partitions import resolve_periods

if TYPE_CHECKING:
    from airflow.sdk import Context

    from lakeworks.core.partition import Period
    from lakeworks.ledger.run_record import Run


class LakeOperator(BaseOperator):
    """Run one step for one table and the periods its DAG run owns.

    :param table: name of the table, `<layer>.<domain>.<table>`. (templated)
    :param grain: the grain of the DAG's partition keys: `month`, `day` or `hour`.
    :param tenant: whose share of the lake to work in, with that tenant's credentials; nobody's without one.
    """

    template_fields: Sequence[str] = ("table",)
    ui_color = "#e8f4f2"

    def __init__(self, *, table: str, grain: str = "day", tenant: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.grain = grain
        self.tenant = tenant

    def execute(self, context: "Context") -> Any:
        """Run the step; a TerminalError fails the task for good, anything else follows the task's retries."""
        try:
            return self.step(context)
        except TerminalError as error:
            raise AirflowFailException(str(error)) from error

    def step(self, context: "Context") -> Any:
        """The operator's one call into the library."""
        raise NotImplementedError

    def periods(self, context: "Context") -> "list[Period]":
        """The periods this run owns."""
        return resolve_periods(context["dag_run"], context["params"], self.grain)


def run_of(context: "Context") -> "Run":
    """Who writes, for ledger and fencing: a run cleared and started again counts as later than its first start."""
    from lakeworks.ledger.run_record import Run

    run = context["dag_run"]
    return Run(id=run.run_id, started_at=run.start_date, attempt=context["ti"].try_number)
