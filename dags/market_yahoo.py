"""A second opinion on daily bars from Yahoo's unofficial chart API, one day a run: landing -> bronze. Opt-in: for personal use.

`market` an hour later takes what is here where Alpha Vantage has no bar or a broken one, and splits and dividends where the key
is a free one. Without this DAG it goes by Alpha Vantage alone.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from lakeworks_airflow import DailyPartitions, ingest, partition_params

GRAIN = "day"


@dag(
    schedule=DailyPartitions("05:00"),
    start_date=pendulum.datetime(2000, 3, 1, tz="UTC"),
    catchup=False,
    is_paused_upon_creation=True,  # opt-in: Yahoo's terms
    max_active_runs=1,
    params=partition_params(GRAIN),
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["domain:market"],
)
def market_yahoo():
    ingest("bronze.market.yahoo_daily_bars", grain=GRAIN)


market_yahoo()
