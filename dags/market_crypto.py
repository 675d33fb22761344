"""Prices of coins from CoinGecko, one UTC day a run: landing -> bronze -> silver. Data provided by CoinGecko.

The day's points become hourly bars here, 24 partitions a day; `market` some hours later makes daily bars of them. A DAG of its
own, because a Demo key sees 365 days: a longer history of equities must not wait for coins. After a late run, clear `market` of
that day from `silver_daily_bars` on.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from lakeworks_airflow import DailyPartitions, ingest, partition_params, write_audit_publish

GRAIN = "day"


@dag(
    schedule=DailyPartitions("01:00"),
    start_date=pendulum.datetime(2000, 3, 1, tz="UTC"),
    catchup=False,
    is_paused_upon_creation=True,  # its first scheduled run needs the bucket that lake_bootstrap makes
    max_active_runs=1,
    params=partition_params(GRAIN),
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["domain:market"],
)
def market_crypto():
    points = ingest("bronze.market.crypto_bars", grain=GRAIN)
    points >> write_audit_publish("silver.market.crypto_bars", grain=GRAIN)


market_crypto()
