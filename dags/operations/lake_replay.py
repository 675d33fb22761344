"""Replay quarantined rows: build a period again with the current contract and SQL; rows that keep the rules now rejoin.

The lake page triggers it once it has shown the plan; a person may trigger it by hand. The same by command:
`lakeworks quarantine replay <table> <period>`.
"""

from airflow.sdk import Param

from lakeworks_airflow import ReplayOperator, lake_dag, period_param, table_param


@lake_dag(
    schedule=None,
    is_paused_upon_creation=False,  # it runs by trigger only
    params={
        "table": table_param(),
        "period": period_param("Period", "Month, day or hour whose run quarantined the rows, like 2019-01."),
        "downstream": Param(False, type="boolean", title="Tables built from it", description="Build them again, too."),
    },
    doc_md=__doc__,
    tags=["lake"],
)
def lake_replay():
    ReplayOperator(
        task_id="replay",
        table="{{ params.table }}",
        period="{{ params.period }}",
        downstream="{{ params.downstream }}",
    )
