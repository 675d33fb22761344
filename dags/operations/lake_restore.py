"""Restore archived data of a table, so that a backfill or a query can read it; the run ends once all of it is readable.

Trigger it with a table and a period (`2019-01`, or `2019-01` until `2019-03`). A bulk restore from DEEP_ARCHIVE takes up to two
days; the task is deferred while it waits. `lakeworks restore <table> <period> --dry-run` says what it costs.
"""

from airflow.sdk import Param

from lakeworks_airflow import RestoreOperator, lake_dag, period_param, table_param


@lake_dag(
    schedule=None,
    is_paused_upon_creation=False,  # it runs by trigger only
    params={
        "table": table_param("The table whose data is archived.", "bronze.transport.yellow_trips"),
        "period": period_param("Period", "First month, day or hour, like 2019-01."),
        "until": period_param("Until", "Last one, included, like 2019-03. Empty: the same.", required=False),
        "tier": Param(
            "bulk", enum=["bulk", "standard", "expedited"], title="Tier", description="Faster tiers cost more."
        ),
        "days": Param(
            7,
            type="integer",
            minimum=1,
            maximum=3650,
            title="Days",
            description="Days for which the restored copies stay readable, like 7.",
        ),
    },
    doc_md=__doc__,
    tags=["lake"],
)
def lake_restore():
    RestoreOperator(
        task_id="restore",
        table="{{ params.table }}",
        period="{{ params.period }}",
        until="{{ params.until or '' }}",
        tier="{{ params.tier }}",
        days="{{ params.days }}",
    )
