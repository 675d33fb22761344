"""Prices of coins from CoinGecko, one UTC day a run: landing -> bronze -> silver. Data provided by CoinGecko.

The day's points become hourly bars here. Some hours later `market` makes daily bars of them. It is a
separate DAG, because a Demo key gets 365 days only: a longer history of equities must not wait for coins. After a late run,
clear `market` of that day from `silver_daily_bars` on.
"""

import pendulum

from lakeworks_airflow import DailyPartitions, ingest, lake_dag, write_audit_publish


@lake_dag(
    schedule=DailyPartitions("01:00"),
    grain="day",
    start_date=pendulum.datetime(2000, 3, 1, tz="UTC"),
    max_active_runs=1,
    doc_md=__doc__,
    tags=["domain:market"],
)
def market_crypto():
    points = ingest("bronze.market.crypto_bars")
    points >> write_audit_publish("silver.market.crypto_bars")
