"""The live view of the event stream against the published tables, each night for the shop's day before.

It compares the hours with `gold.commerce.hourly_sales` and the day with `gold.commerce.daily_sales`. Every compared sum, and
every event that explains a difference, becomes a row. An unexplained difference fails no task: it is a row with `differs`, and
`lakeworks stream reconcile` shows it. It needs the stream `commerce` with a `live_view` in lake.yml.
"""

import pendulum

from lakeworks_airflow import DailyPartitions, ReconcileStreamOperator, lake_dag


@lake_dag(
    # The shop's day ends at 05:00 UTC, and the stream's last hour of it is published some minutes later.
    schedule=DailyPartitions("06:30"),
    grain="day",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    max_active_runs=1,
    doc_md=__doc__,
    tags=["domain:commerce"],
)
def commerce_reconciliation():
    ReconcileStreamOperator(task_id="reconcile", table="bronze.commerce.reconciliations", stream="commerce")
