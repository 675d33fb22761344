"""Withdraw one partition: it leaves the catalog first, then the live path. A rollback brings it back.

The lake page triggers it once it has shown the plan; a person may trigger it by hand. The same by command:
`lakeworks withdraw <table> <partition>`.
"""

from lakeworks_airflow import WithdrawOperator, lake_dag, publication_params


@lake_dag(
    schedule=None,
    is_paused_upon_creation=False,  # it runs by trigger only
    params=publication_params(),
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
