"""Look after the lake every night: bring the Glue catalog in line with the ledger, verify what is published, clear leftovers.

`catalog` and `verify` are a mapped task a table. `catalog` repairs what it finds and returns a summary. `verify` changes
nothing and fails where ledger, objects and catalog still disagree; it names the command that repairs it. `compact` rewrites
partitions of versioned tables whose objects are far from their target size. `garbage` removes staging of attempts older than a
day, and versions superseded for as long. A tenant has a DAG of its own for this: `lake_maintenance__<tenant>`.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import CronTriggerTimetable

from lakeworks.contract import all_tables
from lakeworks_airflow import CatalogRepairOperator, CompactOperator, GarbageOperator, VerifyOperator, lake_dag

BY_TABLE = {"map_index_template": "{{ task.table }}", "max_active_tis_per_dag": 4}


@lake_dag(
    schedule=CronTriggerTimetable("30 3 * * *", timezone="UTC"),
    start_date=pendulum.datetime(2019, 1, 1, tz="UTC"),
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["lake"],
)
def lake_maintenance():
    tables = all_tables()
    catalog = CatalogRepairOperator.partial(task_id="catalog", **BY_TABLE).expand(table=tables)
    verify = VerifyOperator.partial(task_id="verify", trigger_rule="all_done", **BY_TABLE).expand(table=tables)
    compact = CompactOperator(task_id="compact", trigger_rule="all_done")
    GarbageOperator(task_id="garbage")

    catalog >> verify >> compact
