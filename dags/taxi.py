"""NYC yellow taxi, one month a run: landing -> bronze -> silver -> gold.

A run owns one month in every layer, so a failed task is simply cleared, and a period is rebuilt with
`airflow backfill create --dag-id taxi --from-date 2019-01-01 --to-date 2019-12-31`. A manual run takes a partition key
(`2019-01`) or a from/to range. A month the TLC has not published yet waits in `fetch` without holding a worker.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import CronPartitionTimetable, dag

from lakeworks_airflow import ingest, partition_params, write_audit_publish

GRAIN = "month"


@dag(
    # On the first of a month the run of the month before last is due: TLC publishes about two months late.
    schedule=CronPartitionTimetable("0 6 1 * *", timezone="UTC", key_format="%Y-%m", run_offset=-2),
    start_date=pendulum.datetime(2019, 1, 1, tz="UTC"),
    catchup=False,
    is_paused_upon_creation=True,  # its first scheduled run needs the bucket that lake_bootstrap makes
    max_active_runs=3,
    params=partition_params(GRAIN),
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["domain:transport"],
)
def taxi():
    zones = ingest("reference.transport.zones", grain=GRAIN)
    received = ingest("bronze.transport.yellow_trips", grain=GRAIN)
    trips = write_audit_publish("silver.transport.trips", grain=GRAIN)
    daily = write_audit_publish("gold.transport.zone_daily_summary", grain=GRAIN)
    hourly = write_audit_publish("gold.transport.hourly_demand", grain=GRAIN)

    [zones, received] >> trips >> [daily, hourly]


taxi()
