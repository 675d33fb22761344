"""States of a table's partitions, and a backfill's plan, for an assistant. A plan starts nothing."""

from typing import Any

from lakeworks.airflow_api import Airflow
from lakeworks.backfill.range_plan import plan_range, read_producer
from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.status.expected_partitions import PeriodRange
from lakeworks.status.matrix import MEANINGS
from lakeworks.status.table_status import status


def partition_states(
    lake: Lake, airflow: Airflow | None, table: str, first: str, last: str, most: int
) -> dict[str, Any]:
    """Return how many partitions are in each state, and those that need attention, neighbours as one range.

    Raises:
        ContractError: there is no such table.
        PartitionKeyError: `first` or `last` is no period.
        LakeError: the table cannot be read.
    """
    contract = load_contract(table)
    window = PeriodRange(Period.parse(first) if first else None, Period.parse(last) if last else None)
    asked = airflow.activities([table], lake.run_place) if airflow else None
    (matrix,) = status(lake, [contract], window, asked or ())
    if matrix.fault:
        raise matrix.fault
    groups = [
        {
            "state": state,
            "first": str(begin.partition),
            "last": str(end.partition),
            "partitions": count,
            "why": begin.why,
        }
        for state in matrix.counts
        if state not in ("published", "empty", "expired")
        for begin, end, count in matrix.groups(state)
    ]
    return {
        "table": table,
        "counts": matrix.counts,
        "meanings": {state: MEANINGS[state] for state in matrix.counts},
        "partitions_with_quarantined_rows": matrix.quarantined,
        "attention": groups[:most],
        **({"left_out": f"{len(groups) - most} more ranges"} if len(groups) > most else {}),
        **({"why_empty": matrix.why_empty} if matrix.why_empty else {}),
        "note": asked.note if asked else "LAKE_AIRFLOW_URL is not set: running and failed runs are not known.",
    }


def plan_backfill(lake: Lake, airflow: Airflow | None, dag: str, first: str, last: str) -> dict[str, Any]:
    """Return the runs that would fill a range, the requests to vendors and the days they take. Start none.

    Raises:
        ConfigError: Airflow's address is not set, or another DAG is the one to backfill.
        LakeNotFound: Airflow has no such DAG.
        PartitionKeyError: the range is none of the DAG.
    """
    if airflow is None:
        raise ConfigError(
            "Airflow knows the DAGs, and LAKE_AIRFLOW_URL is not set for this server. Nothing was planned. Without it: "
            "partition_states lists missing and stale partitions."
        )
    plan = plan_range(airflow, lake, read_producer(airflow, dag), first, last).as_dict()
    command = f"lakeworks backfill start {dag} --from {first} --to {last}"
    return plan | {"started": "nothing", "a_person_starts_it_with": command}
