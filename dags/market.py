"""Equities, and coins where `market_crypto` brought them, one day a run: landing -> bronze -> silver -> gold.

A run owns one day in every layer: the New York session of that date, and the UTC day of coins, which trade on weekends too.
At 06:00 UTC the day before is over everywhere. To repeat a failed task, clear it. To build history, trigger a run with a
from/to range: each response of Alpha Vantage has the whole history, so a range needs one request per symbol, and a whole
month is one build. Runs go one after another, because gold reads the earlier sessions too.

A free Alpha Vantage key gives the last 100 sessions without splits and dividends (docs/domains/market.md).
"""

import pendulum

from lakeworks_airflow import DailyPartitions, DayPageOperator, ServeOperator, ingest, lake_dag, write_audit_publish


@lake_dag(
    schedule=DailyPartitions("06:00"),
    grain="day",
    start_date=pendulum.datetime(2000, 3, 1, tz="UTC"),
    max_active_runs=1,
    doc_md=__doc__,
    tags=["domain:market"],
)
def market():
    calendar = ingest("reference.market.exchange_calendar")
    holdings = ingest("reference.market.portfolio_holdings")
    equities = ingest("bronze.market.equity_daily_bars")
    bars = write_audit_publish("silver.market.daily_bars")
    actions = write_audit_publish("silver.market.corporate_actions")
    returns = write_audit_publish("gold.market.daily_returns")
    indicators = write_audit_publish("gold.market.technical_indicators")
    portfolios = write_audit_publish("gold.market.portfolio_values")
    summary = write_audit_publish("gold.market.market_daily_summary")
    features = write_audit_publish("gold.market.ml_features")
    active = write_audit_publish("gold.market.active_symbols")

    equities >> actions
    [calendar, equities] >> bars >> [returns, indicators, active]
    [holdings, actions, bars] >> portfolios
    returns >> [summary, features]
    indicators >> features
    served = ServeOperator(
        task_id="serve_market_daily_summary", table="gold.market.market_daily_summary", optional=True
    )
    summary >> served
    [served, features, portfolios] >> DayPageOperator(task_id="day_page", domain="market")
