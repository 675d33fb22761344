"""Restore archived data of a table, so that a backfill or a query can read it; the run ends once all of it is readable.

Trigger it with a table and a period (`2019-01`, or `2019-01` until `2019-03`). A bulk restore from DEEP_ARCHIVE takes up to two
days; the task is deferred while it waits. `lakeworks restore <table> <period> --dry-run` says what it costs.
"""

from airflow.sdk import Param

from lakeworks.core.period_keys import key_pattern
from lakeworks_airflow import RestoreOperator, lake_dag

KEY = key_pattern("hour")


@lake_dag(
    schedule=None,
    is_paused_upon_creation=False,  # it runs by trigger only
    params={
        "table": Param("bronze.transport.yellow_trips", type="string", description="The table whose data is archived."),
        "period": Param("2019-01", type="string", pattern=KEY, minLength=1, description="First month, day or hour."),
        "until": Param("", type="string", pattern=KEY, description="Last one, included; the same without it."),
        "tier": Param("bulk", enum=["bulk", "standard", "expedited"], description="Faster tiers cost more."),
        "days": Param(7, type="integer", minimum=1, description="Days for which the restored copies stay readable."),
    },
    doc_md=__doc__,
    tags=["lake"],
)
def lake_restore():
    RestoreOperator(
        task_id="restore",
        table="{{ params.table }}",
        period="{{ params.period }}",
        until="{{ params.until }}",
        tier="{{ params.tier }}",
        days="{{ params.days }}",
    )
