"""Transaction events that tills drop as JSON Lines, one day a run: inbox -> landing -> bronze.

Files lie in `inbox/commerce_events/<day>/` of the lake's bucket, or in the folder the connection `file_drop` names. A day
without a file is waited for without holding a worker; a DAG of its own, so that nothing else waits with it.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from lakeworks_airflow import DailyPartitions, ingest, partition_params

GRAIN = "day"


@dag(
    schedule=DailyPartitions("00:30"),
    start_date=pendulum.datetime(2017, 1, 1, tz="UTC"),
    catchup=False,
    is_paused_upon_creation=True,  # it needs the bucket that lake_bootstrap makes
    max_active_runs=8,
    params=partition_params(GRAIN),
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["domain:commerce"],
)
def commerce_events():
    ingest("bronze.commerce.events", grain=GRAIN, look_again_after=timedelta(hours=1))


commerce_events()
