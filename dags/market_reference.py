"""What changes slowly about the market, once a week: company overviews, index members, filings.

Each table is the newest answer as a whole, so the day a run is for does not matter, and an old run repeated brings today's
state. Filings come from the SEC, which wants to know who asks: see docs/sources.md for its connection `sec`.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import CronPartitionTimetable, dag

from lakeworks_airflow import ingest, partition_params, write_audit_publish

GRAIN = "day"


@dag(
    schedule=CronPartitionTimetable("0 7 * * 6", timezone="UTC", key_format="%Y-%m-%d"),
    start_date=pendulum.datetime(2000, 3, 1, tz="UTC"),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    params=partition_params(GRAIN),
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    doc_md=__doc__,
    tags=["domain:market"],
)
def market_reference():
    ingest("reference.market.ticker_metadata", grain=GRAIN)
    ingest("reference.market.index_constituents", grain=GRAIN)
    filings = ingest("bronze.market.fundamentals", grain=GRAIN)
    facts = write_audit_publish("silver.market.fundamentals", grain=GRAIN)

    filings >> facts


market_reference()
