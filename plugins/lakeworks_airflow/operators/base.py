"""Base classes of the operators: map errors to retries, work in a tenant's share, find the periods of a run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from lakeworks.errors import TerminalError
from lakeworks_airflow.connections import connect_lake
from lakeworks_airflow.partitions import resolve_periods

if TYPE_CHECKING:
    from airflow.sdk import Context

    from lakeworks.core.partition import Period
    from lakeworks.lake import Lake
    from lakeworks.ledger.run_record import Run


@contextmanager
def without_retries() -> Iterator[None]:
    """Fail the task for good where a TerminalError says that a retry cannot help."""
    try:
        yield
    except TerminalError as error:
        raise AirflowFailException(str(error)) from error


class StepOperator(BaseOperator):
    """Make one call into the library, with the credentials of the lake's owner."""

    ui_color = "#e8f4f2"

    def execute(self, context: "Context") -> Any:
        """Run the step; a TerminalError fails the task for good, anything else follows the task's retries."""
        with without_retries():
            return self.step(context)

    def step(self, context: "Context") -> Any:
        """Make the operator's one call into the library."""
        raise NotImplementedError


class LakeOperator(StepOperator):
    """Run one step in the lake, or in a tenant's share of it.

    A DAG gives the tenant to all of its tasks by `default_args` (`lake_dag` does so).

    A run with the parameter `dev` works in that dev lake (docs/dev.md). Operators that do not set `takes_dev` work on the live
    lake only, and are skipped in such a run. A run in a dev lake announces no asset, so it starts no other run.

    :param tenant: the tenant whose share and credentials to use; without one, what belongs to no tenant.
    """

    takes_dev: ClassVar[bool] = False

    def __init__(self, *, tenant: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tenant = tenant
        self.dev: str | None = None

    def execute(self, context: "Context") -> Any:
        """Run the step, in the dev lake of the run if it names one."""
        self.dev = context.get("params", {}).get("dev") or None
        if self.dev:
            if not self.takes_dev:
                raise AirflowSkipException(
                    f"This task works on the live lake only, and the run works in dev lake `{self.dev}`. Nothing was done."
                )
            self.outlets = context["ti"].task.outlets = []
        return super().execute(context)

    def lake(self) -> "Lake":
        """Connect to the lake, as the tenant if there is one; in a run with `dev`, to that dev lake.

        Raises:
            ConfigError: the tenant has no connection, or there is no such dev lake.
        """
        lake = connect_lake(self.tenant)
        return lake.for_dev(self.dev) if self.dev else lake

    def command(self, text: str) -> str:
        """Return a command of `lakeworks` as a person types it for this operator's share of the lake."""
        return f"LAKE_TENANT={self.tenant} lakeworks {text}" if self.tenant else f"lakeworks {text}"


class TableOperator(LakeOperator):
    """Run one step for one table, and for the periods that its DAG run owns.

    :param table: name of the table, `<layer>.<domain>.<table>`. (templated)
    :param grain: the grain of the DAG's partition keys: `month`, `day` or `hour`.
    :param tenant: as in LakeOperator.
    """

    template_fields: Sequence[str] = ("table",)

    def __init__(self, *, table: str, grain: str = "day", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.grain = grain

    def periods(self, context: "Context") -> "list[Period]":
        """Return the periods this run owns."""
        return resolve_periods(context["dag_run"], context["params"], self.grain)


def run_of(context: "Context") -> "Run":
    """Return the writer's identity for ledger and fencing. A cleared run counts as later than its first start."""
    from lakeworks.ledger.run_record import Run

    run = context["dag_run"]
    return Run(id=run.run_id, started_at=run.start_date, attempt=context["ti"].try_number)
