"""The day's best customers above a threshold, asked of Athena: the largest customers that `gold.commerce.top_customers` lists.

A publication of that table is enough to run it by hand for any day (partition key, `threshold`). The rows become
`exports/top_customers/<day>.csv` in the lake's bucket. It needs AWS, because no emulator runs Athena's SQL.
"""

import pendulum
from airflow.sdk import Param

from lakeworks_airflow import AthenaQueryOperator, DailyPartitions, lake_dag

REPORT = """
SELECT currency, customer_rank, customer_id, order_count, net_amount, avg_order_amount
FROM gold_commerce.top_customers
WHERE year = :year AND month = :month AND day = :day AND net_amount > :threshold
ORDER BY currency, customer_rank
"""


@lake_dag(
    schedule=DailyPartitions("03:00"),
    grain="day",
    start_date=pendulum.datetime(2017, 1, 1, tz="UTC"),
    params={
        "threshold": Param(
            "1000",
            type="string",
            pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?$",
            title="Threshold",
            description="Net amount of the day, above which a customer is listed.",
            examples=["1000", "99.50"],
        )
    },
    doc_md=__doc__,
    tags=["domain:commerce"],
)
def commerce_report():
    AthenaQueryOperator(
        task_id="top_customers",
        query=REPORT,
        parameters={"threshold": "{{ params.threshold }}"},
        out="s3://{bucket}/exports/top_customers/{period}.csv",
    )
