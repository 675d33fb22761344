"""Slowly changing market data, once a week: company overviews, index members, filings.

Each table is the newest response as a whole, so the run's day does not matter, and a repeated old run fetches today's state.
Filings come from the SEC, which requires a name and an address: see docs/sources.md for its connection `sec`.
"""

import pendulum
from airflow.sdk import CronPartitionTimetable

from lakeworks_airflow import ingest, lake_dag, write_audit_publish


@lake_dag(
    schedule=CronPartitionTimetable("0 7 * * 6", timezone="UTC", key_format="%Y-%m-%d"),
    grain="day",
    start_date=pendulum.datetime(2000, 3, 1, tz="UTC"),
    max_active_runs=1,
    doc_md=__doc__,
    tags=["domain:market"],
)
def market_reference():
    ingest("reference.market.ticker_metadata")
    ingest("reference.market.index_constituents")
    filings = ingest("bronze.market.fundamentals")
    facts = write_audit_publish("silver.market.fundamentals")

    filings >> facts
