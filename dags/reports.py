"""One row a day over all domains, built as soon as one of them has something to say and again when another one has.

Started by publications of the three daily summaries. A run owns a month and publishes the days that changed. `news` skips the
rest of a run that would read what the month's last one read, so a year of backfill upstream costs little more than a dozen.
Markets close at weekends and taxi trips come two months late: what is not there reads as empty, and the day is restated when it
comes.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from lakeworks_airflow import SkipUnchangedOperator, monthly_after, partition_params, write_audit_publish

GRAIN, DIGEST = "month", "gold.reports.daily_digest"


@dag(
    schedule=monthly_after(
        "gold.commerce.daily_sales", "gold.market.market_daily_summary", "gold.transport.zone_daily_summary"
    ),
    start_date=pendulum.datetime(2000, 3, 1, tz="UTC"),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,  # a backfill upstream makes runs wait for each other instead of filling every slot
    params=partition_params(GRAIN),
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["domain:reports"],
)
def reports():
    SkipUnchangedOperator(task_id="news", table=DIGEST, grain=GRAIN) >> write_audit_publish(DIGEST, grain=GRAIN)


reports()
