"""The shop's event stream, one UTC hour of arrival a run: landing -> bronze -> silver -> gold.

`lakeworks stream run commerce` lands the records all the time. A run waits, without a worker, until no shard will add a record
to its hour. Then it publishes the hour, and rebuilds the hours and days in which its events happened. The run of a day's last
hour takes the day's dropped files as well (`commerce_events`). It needs the stream `commerce` in `streams:` of lake.yml.
"""

from datetime import timedelta

import pendulum

from lakeworks_airflow import HourlyPartitions, ingest, lake_dag, write_audit_publish


@lake_dag(
    schedule=HourlyPartitions(5),
    grain="hour",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    max_active_runs=1,
    doc_md=__doc__,
    tags=["domain:commerce"],
)
def commerce_stream():
    records = ingest("bronze.commerce.stream_events", look_again_after=timedelta(minutes=2))
    events = write_audit_publish("silver.commerce.events")
    records >> events
    events >> [write_audit_publish("gold.commerce.hourly_sales"), write_audit_publish("gold.commerce.sessions")]
