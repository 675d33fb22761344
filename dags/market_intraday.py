"""Minute bars of equities, one month a run: landing -> bronze -> silver. Needs a premium Alpha Vantage key.

The vendor answers by month, so a run owns a month, published day by day. Run `market` once before: sessions and their offset
from UTC come from its calendar.
"""

import pendulum

from lakeworks_airflow import MonthlyPartitions, ingest, lake_dag, write_audit_publish


@lake_dag(
    schedule=MonthlyPartitions("2 08:00"),
    grain="month",
    start_date=pendulum.datetime(2000, 3, 1, tz="UTC"),
    max_active_runs=1,
    doc_md=__doc__,
    tags=["domain:market"],
)
def market_intraday():
    received = ingest("bronze.market.equity_minute_bars")
    bars = write_audit_publish("silver.market.minute_bars")

    received >> bars
