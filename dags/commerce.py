"""The shop, one UTC day of changes a run: landing -> bronze -> silver -> gold.

A run fetches the changes of its day (and since the last fetch, if days were missed). It rebuilds every partition that the
changes belong to: a refund today rebuilds the day of the order, in silver and gold. Runs of a day can be repeated, in any
order. Only one runs at a time, because two of them may rebuild the same day.
"""

import pendulum

from lakeworks_airflow import DailyPartitions, DayPageOperator, ServeOperator, ingest, lake_dag, write_audit_publish


@lake_dag(
    # Half an hour after midnight UTC the day before is over for the shop.
    schedule=DailyPartitions("00:30"),
    grain="day",
    start_date=pendulum.datetime(2017, 1, 1, tz="UTC"),
    max_active_runs=1,
    doc_md=__doc__,
    tags=["domain:commerce"],
)
def commerce():
    # Fetch each of these, then build its current state.
    products = write_audit_publish("silver.commerce.products")
    customers = write_audit_publish("silver.commerce.customers")
    orders = write_audit_publish("silver.commerce.orders")
    ingest("bronze.commerce.products") >> products
    ingest("bronze.commerce.customers") >> customers
    ingest("bronze.commerce.orders") >> orders

    lines = write_audit_publish("silver.commerce.order_lines")
    [orders, products] >> lines

    sales = write_audit_publish("gold.commerce.daily_sales")
    departments = write_audit_publish("gold.commerce.department_sales")
    served = ServeOperator(task_id="serve_daily_sales", table="gold.commerce.daily_sales", optional=True)
    top = write_audit_publish("gold.commerce.top_customers")
    daily_profiles = write_audit_publish("gold.commerce.customer_360_daily")
    profiles = write_audit_publish("gold.commerce.customer_profiles")
    lines >> [sales, departments]
    sales >> served
    orders >> top
    [orders, customers] >> daily_profiles
    customers >> profiles
    leaves = [served, departments, top, daily_profiles, profiles]
    leaves >> DayPageOperator(task_id="day_page", domain="commerce")
