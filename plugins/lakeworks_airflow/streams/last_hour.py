"""Start an hourly DAG for the last hour of the days that a run owns."""

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.exceptions import AirflowSkipException

from lakeworks_airflow.operators.base import without_retries
from lakeworks_airflow.partitions import resolve_periods

if TYPE_CHECKING:
    from airflow.sdk import Context


class StartLastHourOperator(TriggerDagRunOperator):
    """Start the DAG whose run of a day's last hour takes what arrived for the whole day; over several days, one run.

    It is skipped where lake.yml declares no stream, because the hourly DAG has nothing to fetch then.

    :param follows: the hourly DAG; a tenant's run starts the tenant's.
    :param grain: the grain of the partition keys of this DAG.
    :param tenant: the tenant whose DAG this is.
    """

    def __init__(self, *, follows: str, grain: str = "day", tenant: str | None = None, **kwargs: Any) -> None:
        # No logical date: two runs of the same moment would become one.
        arguments = {"logical_date": None, "skip_when_already_exists": True, "openlineage_inject_parent_info": False}
        super().__init__(trigger_dag_id=f"{follows}__{tenant}" if tenant else follows, **{**arguments, **kwargs})
        self.follows = follows
        self.grain = grain
        self.tenant = tenant

    def execute(self, context: "Context") -> Any:
        """Start the run, named after this one and its start, so that a cleared run starts another."""
        from lakeworks.streaming.stream_place import deployed_streams

        with without_retries():
            if not deployed_streams():
                raise AirflowSkipException("lake.yml declares no stream, so no hourly run takes these files.")
            run = context["dag_run"]
            periods = resolve_periods(run, context["params"], self.grain)
        hours = [periods[0].split("hour")[-1], periods[-1].split("hour")[-1]]
        self.conf = {"from": str(hours[0]), "to": str(hours[1])}
        self.trigger_run_id = f"last_hour__{hours[1]}__{run.start_date:%Y%m%dT%H%M%S%f}"
        return super().execute(context)
