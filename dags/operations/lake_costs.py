"""The lake's costs, kept month by month in `gold.lake.storage_costs`: by tenant, layer, domain, table and storage class.

It runs on the first of a month for the month before, because a listing of the bucket says little about older months.
For an earlier month trigger it with a partition key (`2026-10`) and the `inventory` of that time.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import Param, dag

from lakeworks_airflow import MonthlyPartitions, StorageCostOperator, partition_params, write_audit_publish

GRAIN, TABLE = "month", "gold.lake.storage_costs"


@dag(
    schedule=MonthlyPartitions("1 03:30"),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    params={
        **partition_params(GRAIN),
        "inventory": Param(
            None,
            type=["null", "string"],
            pattern=r"^(s3://[a-z0-9.-]+/\S*manifest\.json)?$",
            title="Inventory",
            description="Manifest of an S3 Inventory of that month. Empty: the bucket is listed.",
            examples=["s3://inventories/lake/all/2026-10-31T01-00Z/manifest.json"],
        ),
        "logs": Param(
            None,
            type=["null", "string"],
            pattern=r"^(s3://[a-z0-9.-]+/\S*)?$",
            title="Access logs",
            description="Prefix of the bucket's server access logs, which give the requests. Empty: they are not counted.",
            examples=["s3://logs/lake/"],
        ),
    },
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
    doc_md=__doc__,
    tags=["lake", "cost"],
)
def lake_costs():
    taken = StorageCostOperator(
        task_id="take_stock",
        table=TABLE,
        grain=GRAIN,
        inventory="{{ params.inventory or '' }}",
        logs="{{ params.logs or '' }}",
    )
    taken >> write_audit_publish(TABLE, grain=GRAIN)


lake_costs()
