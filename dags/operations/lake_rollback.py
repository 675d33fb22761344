"""Roll one partition back: an earlier publication becomes live again, as a new publication.

The lake page triggers it once it has shown the plan; a person may trigger it by hand. Tables that are built from the partition
become stale, and their next run builds them again. The same by command: `lakeworks rollback <table> <partition>`.
"""

from lakeworks_airflow import RollbackOperator, lake_dag, publication_param, publication_params


@lake_dag(
    schedule=None,
    is_paused_upon_creation=False,  # it runs by trigger only
    params={
        **publication_params(),
        "to": publication_param(
            "Publication", "Number of the publication to bring back. Empty: the one before the live one."
        ),
    },
    doc_md=__doc__,
    tags=["lake"],
)
def lake_rollback():
    RollbackOperator(
        task_id="roll_back",
        table="{{ params.table }}",
        partition="{{ params.partition }}",
        to="{{ params.to or '' }}",
        seen="{{ params.seen or '' }}",
    )
