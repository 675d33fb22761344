"""Equities, and coins where `market_crypto` brought them, one day a run: landing -> bronze -> silver -> gold.

A run owns one day in every layer: the New York session of that date, and the UTC day of coins, which trade on weekends too.
At 06:00 UTC the day before is over everywhere. A failed task is simply cleared. History is built by a run with a from/to range:
bars come whole with every answer of Alpha Vantage, so a range asks once, and a whole month is one build. Runs follow one
another, because gold looks back over the sessions before its own.

A free Alpha Vantage key gives the last 100 sessions without splits and dividends (docs/domains/market.md).
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from lakeworks_airflow import DailyPartitions, ingest, partition_params, write_audit_publish

GRAIN = "day"


@dag(
    schedule=DailyPartitions("06:00"),
    start_date=pendulum.datetime(2000, 3, 1, tz="UTC"),
    catchup=False,
    is_paused_upon_creation=True,  # its first scheduled run needs the bucket that lake_bootstrap makes
    max_active_runs=1,
    params=partition_params(GRAIN),
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["domain:market"],
)
def market():
    calendar = ingest("reference.market.exchange_calendar", grain=GRAIN)
    holdings = ingest("reference.market.portfolio_holdings", grain=GRAIN)
    equities = ingest("bronze.market.equity_daily_bars", grain=GRAIN)
    bars = write_audit_publish("silver.market.daily_bars", grain=GRAIN)
    actions = write_audit_publish("silver.market.corporate_actions", grain=GRAIN)
    returns = write_audit_publish("gold.market.daily_returns", grain=GRAIN)
    indicators = write_audit_publish("gold.market.technical_indicators", grain=GRAIN)
    portfolios = write_audit_publish("gold.market.portfolio_values", grain=GRAIN)
    summary = write_audit_publish("gold.market.market_daily_summary", grain=GRAIN)
    features = write_audit_publish("gold.market.ml_features", grain=GRAIN)

    equities >> actions
    [calendar, equities] >> bars >> [returns, indicators]
    [holdings, actions, bars] >> portfolios
    returns >> [summary, features]
    indicators >> features


market()
