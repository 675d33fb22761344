"""The shop, one UTC day of changes a run: landing -> bronze -> silver -> gold.

A run fetches what changed in its day (and since the last fetch, if days were missed), and builds anew every partition those
changes fall into: an order refunded today re-opens the day it was placed, in silver and gold. Runs of a day can be repeated
and come in any order. They go one at a time, because two of them may re-open the same day.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from lakeworks_airflow import DailyPartitions, ingest, partition_params, write_audit_publish

GRAIN = "day"


@dag(
    # Half an hour into a day the day before is over everywhere the shop has a clock.
    schedule=DailyPartitions("00:30"),
    start_date=pendulum.datetime(2017, 1, 1, tz="UTC"),
    catchup=False,
    is_paused_upon_creation=True,  # it needs the bucket that lake_bootstrap makes, and the shop's connection
    max_active_runs=1,
    params=partition_params(GRAIN),
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["domain:commerce"],
)
def commerce():
    # Each of these is fetched and brought into its present state.
    products = write_audit_publish("silver.commerce.products", grain=GRAIN)
    customers = write_audit_publish("silver.commerce.customers", grain=GRAIN)
    orders = write_audit_publish("silver.commerce.orders", grain=GRAIN)
    ingest("bronze.commerce.products", grain=GRAIN) >> products
    ingest("bronze.commerce.customers", grain=GRAIN) >> customers
    ingest("bronze.commerce.orders", grain=GRAIN) >> orders

    lines = write_audit_publish("silver.commerce.order_lines", grain=GRAIN)
    [orders, products] >> lines

    lines >> write_audit_publish("gold.commerce.daily_sales", grain=GRAIN)
    orders >> write_audit_publish("gold.commerce.top_customers", grain=GRAIN)
    [orders, customers] >> write_audit_publish("gold.commerce.customer_360_daily", grain=GRAIN)


commerce()
