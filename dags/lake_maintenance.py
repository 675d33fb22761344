"""Maintain the lake every night: complete publications, withdraw expired partitions, verify, compact, collect garbage.

All but the last three are one mapped task per table. `roll_forward` completes publications that killed writers left unfinished.
`expire` withdraws partitions past their retention. `catalog` brings Glue in line with the ledger. `verify` changes nothing and
fails where ledger, objects and catalog still disagree, naming the command that repairs it. `compact` rewrites partitions of
versioned tables whose objects are far from their target size. `hold` copies what releases name before the bucket deletes it.
`garbage` runs last: it removes staging of attempts older than a day, and versions superseded for as long. A tenant has a DAG
of its own for this: `lake_maintenance__<tenant>`.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import CronTriggerTimetable

from lakeworks.contract import all_tables
from lakeworks_airflow import (
    CatalogRepairOperator,
    CompactOperator,
    ExpireOperator,
    GarbageOperator,
    HoldReleasesOperator,
    RollForwardOperator,
    VerifyOperator,
    lake_dag,
)

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
    later = {**BY_TABLE, "trigger_rule": "all_done"}
    roll_forward = RollForwardOperator.partial(task_id="roll_forward", **BY_TABLE).expand(table=tables)
    expire = ExpireOperator.partial(task_id="expire", **later).expand(table=tables)
    catalog = CatalogRepairOperator.partial(task_id="catalog", **later).expand(table=tables)
    verify = VerifyOperator.partial(task_id="verify", **later).expand(table=tables)
    compact = CompactOperator(task_id="compact", trigger_rule="all_done")
    hold = HoldReleasesOperator(task_id="hold", trigger_rule="all_done")
    garbage = GarbageOperator(task_id="garbage", trigger_rule="all_done")

    roll_forward >> expire >> catalog >> verify >> compact >> hold >> garbage
