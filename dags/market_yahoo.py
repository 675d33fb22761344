"""Daily bars from Yahoo's unofficial chart API, one day a run: landing -> bronze. Opt-in: for personal use.

One hour later `market` uses these bars where Alpha Vantage has none or a broken one. With a free key it also uses these
splits and dividends. Without this DAG `market` uses Alpha Vantage alone.
"""

import pendulum

from lakeworks_airflow import DailyPartitions, ingest, lake_dag


@lake_dag(
    schedule=DailyPartitions("05:00"),
    grain="day",
    start_date=pendulum.datetime(2000, 3, 1, tz="UTC"),
    max_active_runs=1,
    doc_md=__doc__,
    tags=["domain:market"],
)
def market_yahoo():
    ingest("bronze.market.yahoo_daily_bars")
