"""Send alerts, every half hour, about tables that are older than their contracts promise: to the log and to LAKE_ALERT_URL.

It reads the ledger and not runs, so it also notices a run that never started. It sends one alert for the partition that a
table waits for, one for each missing earlier partition, and one for each key that stopped. It never repeats an alert. By hand:
`lakeworks freshness`.
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
