"""Events that tills drop as JSON Lines, one day a run: inbox -> landing -> bronze, then silver beside the stream's.

Files lie in `inbox/commerce_events/<day>/` of the lake's bucket, or in the folder the connection `file_drop` names. The
run of a day without a file waits without a worker. It is a separate DAG, so that nothing else waits with it.

A day's files belong to the run of `commerce_stream` for the day's last hour, which this DAG starts again. Silver takes each
event once, whether it came by the stream, as a file, or both. Without a stream in lake.yml the last task is skipped.
"""

from datetime import timedelta

import pendulum

from lakeworks_airflow import DailyPartitions, StartLastHourOperator, ingest, lake_dag


@lake_dag(
    schedule=DailyPartitions("00:30"),
    grain="day",
    start_date=pendulum.datetime(2017, 1, 1, tz="UTC"),
    max_active_runs=8,
    doc_md=__doc__,
    tags=["domain:commerce"],
)
def commerce_events():
    dropped = ingest("bronze.commerce.events", look_again_after=timedelta(hours=1))
    dropped >> StartLastHourOperator(task_id="start_last_hour", follows="commerce_stream")
