"""Set the lake up as `lake.yml` declares it: buckets and their protection, lifecycle, Glue databases, work group, budget.

Trigger it once before the first run, and again after the file changed or to check the settings. It changes only settings that
differ, never deletes what it did not make, and reports what an endpoint or the credentials do not allow. With `plan` it only
reports the changes it would make.
"""

from datetime import timedelta

from airflow.sdk import Param, dag

from lakeworks_airflow import LakeBootstrapOperator


@dag(
    schedule=None,
    is_paused_upon_creation=False,  # it runs by trigger only, so that the first one needs no other click
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    params={"plan": Param(False, type="boolean", title="Plan", description="Only say what would change.")},
    doc_md=__doc__,
    tags=["lake"],
)
def lake_bootstrap():
    LakeBootstrapOperator(task_id="bootstrap", plan="{{ params.plan }}")


lake_bootstrap()
