"""Withdraw one partition: it leaves the catalog first, then the live path. A rollback brings it back.

The lake page triggers it once it has shown the plan; a person may trigger it by hand. The same by command:
`lakeworks withdraw <table> <partition>`.
"""

from airflow.sdk import Param

from lakeworks_airflow import WithdrawOperator, lake_dag

TABLE = Param(None, type="string", minLength=1, title="Table", examples=["silver.transport.trips"])
PARTITION = Param(
    None,
    type="string",
    minLength=1,
    title="Partition",
    examples=["2019-01-05"],
    description="`all` without partitions.",
)
SEEN = Param(
    None,
    type=["null", "integer"],
    title="Live publication",
    description="The run stops if another one is live by then.",
)


@lake_dag(
    schedule=None,
    is_paused_upon_creation=False,  # it runs by trigger only
    params={
        "table": TABLE,
        "partition": PARTITION,
        "seen": SEEN,
    },
    doc_md=__doc__,
    tags=["lake"],
)
def lake_withdraw():
    WithdrawOperator(
        task_id="withdraw",
        table="{{ params.table }}",
        partition="{{ params.partition }}",
        seen="{{ params.seen or '' }}",
    )
