"""One row per day over all domains, built when the first domain has published, and again after each other one.

Publications of the three daily summaries start it. A run owns a month and publishes the days that changed. `news` skips the
rest of a run whose inputs are unchanged, so a year of backfill upstream costs little more than twelve runs. Markets close at
weekends and taxi trips arrive two months late: missing rows read as empty, and the day is rebuilt when they arrive.
"""

import pendulum

from lakeworks_airflow import SkipUnchangedOperator, lake_dag, monthly_after, write_audit_publish

DIGEST = "gold.reports.daily_digest"
SUMMARIES = ("gold.commerce.daily_sales", "gold.market.market_daily_summary", "gold.transport.zone_daily_summary")


@lake_dag(
    schedule=lambda tenant: monthly_after(*SUMMARIES, tenant=tenant),
    grain="month",
    start_date=pendulum.datetime(2000, 3, 1, tz="UTC"),
    max_active_runs=1,  # a backfill upstream makes runs wait for each other instead of filling every slot
    doc_md=__doc__,
    tags=["domain:reports"],
)
def reports():
    SkipUnchangedOperator(task_id="news", table=DIGEST) >> write_audit_publish(DIGEST)
