"""Start the DAG of a dropped file within seconds of its arrival in the inbox.

S3 sends the event of a new file to the queue that `inbox_events` of lake.yml declares; the triggerer reads it, waits until no
further file of the period came for some seconds, and starts this DAG. Files whose event is lost are found by each DAG's own
schedule. Without `inbox_events` it never runs.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from lakeworks_airflow import inbox_arrivals, start_arrived

# The DAG that fetches each table with a source `file_drop`. The queue has every tenant's files, so one DAG is enough.
DAGS = {"bronze.commerce.events": "commerce_events"}


@dag(
    schedule=inbox_arrivals(),
    start_date=pendulum.datetime(2017, 1, 1, tz="UTC"),
    is_paused_upon_creation=False,  # Airflow does not listen for a paused DAG
    catchup=False,
    max_active_runs=4,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=10)},
    doc_md=__doc__,
    tags=["lake"],
)
def lake_inbox():
    start_arrived(DAGS)


lake_inbox()
