"""The shop, one UTC day of changes a run: landing -> bronze -> silver -> gold.

A run fetches what changed in its day (and since the last fetch, if days were missed), and rebuild every partition those
changes fall into: an order refunded today re-opens the day it was placed, in silver and gold. Runs of a day can be repeated
and come in any order. They go one at a time, because two of them may re-open the same day.
"""

import pendulum

from lakeworks_airflow import DailyPartitions, ingest, lake_dag, write_audit_publish


@lake_dag(
    # Half an hour into a day the day before is over everywhere the shop has a clock.
    schedule=DailyPartitions("00:30"),
    grain="day",
    start_date=pendulum.datetime(2017, 1, 1, tz="UTC"),
    max_active_runs=1,
    doc_md=__doc__,
    tags=["domain:commerce"],
)
def commerce():
    # Each of these is fetched and brought into its present state.
    products = write_audit_publish("silver.commerce.products")
    customers = write_audit_publish("silver.commerce.customers")
    orders = write_audit_publish("silver.commerce.orders")
    ingest("bronze.commerce.products") >> products
    ingest("bronze.commerce.customers") >> customers
    ingest("bronze.commerce.orders") >> orders

    lines = write_audit_publish("silver.commerce.order_lines")
    [orders, products] >> lines

    lines >> write_audit_publish("gold.commerce.daily_sales")
    orders >> write_audit_publish("gold.commerce.top_customers")
    [orders, customers] >> write_audit_publish("gold.commerce.customer_360_daily")
