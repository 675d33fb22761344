"""NYC yellow taxi, one month a run: landing -> bronze -> silver -> gold.

A run owns one month in every layer, so a failed task is simply cleared, and a period is rebuilt with
`airflow backfill create --dag-id taxi --from-date 2019-01-01 --to-date 2019-12-31`. A manual run takes a partition key
(`2019-01`) or a from/to range. A month the TLC has not published yet waits in `fetch` without holding a worker.

Every tenant named in `LAKE_TENANTS` has a DAG of its own, `taxi__<tenant>`, with its own runs, credentials and data.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from lakeworks_airflow import MonthlyPartitions, deployed_tenants, ingest, partition_params, write_audit_publish

GRAIN = "month"


def taxi_dag(tenant=None):
    @dag(
        dag_id=f"taxi__{tenant}" if tenant else "taxi",
        # On the first of a month the run of the month before last is due: TLC publishes about two months late.
        schedule=MonthlyPartitions("1 06:00", months_later=2),
        start_date=pendulum.datetime(2019, 1, 1, tz="UTC"),
        catchup=False,
        is_paused_upon_creation=True,  # its first scheduled run needs the bucket that lake_bootstrap makes
        max_active_runs=3,
        params=partition_params(GRAIN),
        default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
        doc_md=__doc__,
        tags=["domain:transport", *([f"tenant:{tenant}"] if tenant else [])],
    )
    def taxi():
        facts = {"grain": GRAIN, "tenant": tenant}
        zones = ingest("reference.transport.zones", **facts)
        received = ingest("bronze.transport.yellow_trips", **facts)
        trips = write_audit_publish("silver.transport.trips", **facts)
        daily = write_audit_publish("gold.transport.zone_daily_summary", **facts)
        hourly = write_audit_publish("gold.transport.hourly_demand", **facts)

        [zones, received] >> trips >> [daily, hourly]

    taxi()


taxi_dag()
for tenant in deployed_tenants():
    taxi_dag(str(tenant))
