"""Periods of a run, decided here alone for schedules, triggers, ranges and backfills."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from lakeworks.core.partition import Period
from lakeworks.core.period_keys import EXAMPLES, periods_between, periods_of
from lakeworks.errors import PartitionKeyError


class PartitionedRun(Protocol):
    """The fields that are read of a DAG run."""

    run_id: str
    partition_key: str | None
    data_interval_start: datetime | None
    data_interval_end: datetime | None


def resolve_periods(run: PartitionedRun, params: Mapping[str, Any], grain: str) -> list[Period]:
    """Return a run's periods: from its partition key, else its `from`/`to` range, else a data interval of exactly one period.

    A month means its days. A backfill gives such keys to runs over whole months (`timetables`); a person may type them.

    Raises:
        PartitionKeyError: none of them is there, two contradict each other, or a key is not of the grain; it says what to type.
    """
    first, last = params.get("from") or None, params.get("to") or None
    if run.partition_key and (first or last):
        raise PartitionKeyError(
            f"Run `{run.run_id}` has the partition key `{run.partition_key}` and a from/to range. Nothing was run. "
            "Give one of the two."
        )
    if run.partition_key:
        return periods_of(run.partition_key, grain)
    if first or last:
        if not (first and last):
            raise PartitionKeyError(
                f"Run `{run.run_id}` has only one end of a range (from `{first}`, to `{last}`). Nothing was run. Give both."
            )
        return periods_between(str(first), str(last), grain)
    if run.data_interval_start and run.data_interval_end:
        period = Period.containing(run.data_interval_start, grain)
        if (period.start, period.end) == (run.data_interval_start, run.data_interval_end):
            return [period]
    example = EXAMPLES[grain]
    raise PartitionKeyError(
        f"Run `{run.run_id}` does not name the {grain} that it owns. Nothing was run. Trigger it with a "
        f'partition key ({example}, in the form or as "partition_key" of the API), or with params {{"from": '
        f'"{example}", "to": "{example}"}}.'
    )
