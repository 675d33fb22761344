"""Set the lake up: bucket with versioning, encryption, public-access block, tags and lifecycle, and the Glue databases.

Trigger it once before the first run, and again whenever a setting should be checked: it changes only what differs and reports
what an endpoint or the credentials do not allow.
"""

from datetime import timedelta

from airflow.sdk import dag

from lakeworks_airflow import LakeBootstrapOperator


@dag(
    schedule=None,
    is_paused_upon_creation=False,  # it runs by trigger only, so that the first one needs no other click
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    doc_md=__doc__,
    tags=["lake"],
)
def lake_bootstrap():
    LakeBootstrapOperator(task_id="bootstrap", tags={"project": "lakeworks"})


lake_bootstrap()
