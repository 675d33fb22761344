"""Send alerts, every half hour, about tables that are older than their contracts promise: to the log and to LAKE_ALERT_URL.

It goes by the ledger and not by runs, so that a run that was never started is noticed as well. One alert is sent for the
partition a table waits for, one for each that is missing before its newest and for each key that stopped, however often this
DAG looks. By hand: `lakeworks freshness`.
"""

import pendulum
from airflow.sdk import CronTriggerTimetable

from lakeworks_airflow import FreshnessOperator, lake_dag


@lake_dag(
    schedule=CronTriggerTimetable("*/30 * * * *", timezone="UTC"),
    start_date=pendulum.datetime(2019, 1, 1, tz="UTC"),
    max_active_runs=1,
    doc_md=__doc__,
    tags=["lake"],
)
def lake_freshness():
    FreshnessOperator(task_id="look")
