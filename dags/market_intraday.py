"""Minute bars of equities, one month a run: landing -> bronze -> silver. Needs a premium Alpha Vantage key.

The vendor answers by month, so a run owns a month, published day by day. Run `market` once before: sessions and their offset
from UTC come from its calendar.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from lakeworks_airflow import MonthlyPartitions, ingest, partition_params, write_audit_publish

GRAIN = "month"


@dag(
    schedule=MonthlyPartitions("2 08:00"),
    start_date=pendulum.datetime(2000, 3, 1, tz="UTC"),
    catchup=False,
    is_paused_upon_creation=True,  # opt-in: a free key is refused
    max_active_runs=1,
    params=partition_params(GRAIN),
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["domain:market"],
)
def market_intraday():
    received = ingest("bronze.market.equity_minute_bars", grain=GRAIN)
    bars = write_audit_publish("silver.market.minute_bars", grain=GRAIN)

    received >> bars


market_intraday()
