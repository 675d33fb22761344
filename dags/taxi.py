"""NYC yellow taxi, one month a run: landing -> bronze -> silver -> gold.

A run owns one month in every layer, so a failed task is simply cleared, and a period is rebuilt with
`airflow backfill create --dag-id taxi --from-date 2019-01-01 --to-date 2019-12-31`. A manual run takes a partition key
(`2019-01`) or a from/to range. For a month that the TLC has not published yet, `fetch` waits without a worker.
"""

import pendulum

from lakeworks_airflow import DayPageOperator, MonthlyPartitions, ServeOperator, ingest, lake_dag, write_audit_publish


@lake_dag(
    # On the first of a month the run of the month before last is due: TLC publishes about two months late.
    schedule=MonthlyPartitions("1 06:00", months_later=2),
    grain="month",
    start_date=pendulum.datetime(2019, 1, 1, tz="UTC"),
    max_active_runs=3,
    doc_md=__doc__,
    tags=["domain:transport"],
)
def taxi():
    zones = ingest("reference.transport.zones")
    received = ingest("bronze.transport.yellow_trips")
    trips = write_audit_publish("silver.transport.trips")
    daily = write_audit_publish("gold.transport.zone_daily_summary")
    hourly = write_audit_publish("gold.transport.hourly_demand")

    [zones, received] >> trips >> [daily, hourly]
    served = ServeOperator(task_id="serve_zone_daily_summary", table="gold.transport.zone_daily_summary", optional=True)
    daily >> served
    [served, hourly] >> DayPageOperator(task_id="day_page", domain="transport")
