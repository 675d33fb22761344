"""What customers did in a month, built once every day of the month is in, and again when a day of it is corrected.

Started by publications of `gold.commerce.daily_sales`, whatever run made them: the schedule, a trigger, a range, a backfill.
Days that are published together start one run. `covered` looks whether all days of the month were run; until then it skips
the rest, so a skipped run is nothing to repair. Triggered by hand (`2017-01`, or a from/to range) it builds from what is there.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from lakeworks_airflow import SkipUntilCoveredOperator, monthly_after, partition_params, write_audit_publish

GRAIN, DAYS, MONTHS = "month", "gold.commerce.daily_sales", "gold.commerce.customer_360_monthly"


@dag(
    schedule=monthly_after(DAYS),
    start_date=pendulum.datetime(2017, 1, 1, tz="UTC"),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,  # a backfill upstream makes runs wait for each other instead of filling every slot
    params=partition_params(GRAIN),
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["domain:commerce"],
)
def commerce_monthly():
    covered = SkipUntilCoveredOperator(task_id="covered", table=MONTHS, upstream=DAYS, grain=GRAIN)
    covered >> write_audit_publish(MONTHS, grain=GRAIN)


commerce_monthly()
