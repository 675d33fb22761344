"""Customers by month: built once every day of the month is there, and again when a day of it is corrected.

Publications of `gold.commerce.daily_sales` start it, from any run: scheduled, triggered, over a range, or a backfill's. Days
that are published together start one run. `covered` checks whether runs covered all days of the month. Until then it skips
the rest, so a skipped run needs no repair. Triggered by hand (`2017-01`, or a from/to range) it builds from what is there.
"""

import pendulum

from lakeworks_airflow import SkipUntilCoveredOperator, lake_dag, monthly_after, write_audit_publish

DAYS, MONTHS = "gold.commerce.daily_sales", "gold.commerce.customer_360_monthly"


@lake_dag(
    schedule=lambda tenant: monthly_after(DAYS, tenant=tenant),
    grain="month",
    start_date=pendulum.datetime(2017, 1, 1, tz="UTC"),
    max_active_runs=1,  # a backfill upstream makes runs wait for each other instead of filling every slot
    doc_md=__doc__,
    tags=["domain:commerce"],
)
def commerce_monthly():
    covered = SkipUntilCoveredOperator(task_id="covered", table=MONTHS, upstream=DAYS)
    covered >> write_audit_publish(MONTHS)
