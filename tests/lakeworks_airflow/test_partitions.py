"""Schedules, triggers, ranges and backfills all resolve through one function, which refuses everything else."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from lakeworks.errors import PartitionKeyError
from lakeworks_airflow.partitions import resolve_periods


@dataclass
class Run:
    run_id: str = "manual__1"
    partition_key: str | None = None
    data_interval_start: datetime | None = None
    data_interval_end: datetime | None = None


def month(number: int) -> datetime:
    return datetime(2019, number, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("run", "params", "keys"),
    [
        (Run(partition_key="2019-01"), {"from": None, "to": None}, ["2019-01"]),
        (Run(), {"from": "2019-01", "to": "2019-03"}, ["2019-01", "2019-02", "2019-03"]),
        (Run(data_interval_start=month(1), data_interval_end=month(2)), {}, ["2019-01"]),
    ],
)
def test_what_a_run_owns(run: Run, params: dict[str, Any], keys: list[str]) -> None:
    assert [str(period) for period in resolve_periods(run, params, "month")] == keys


@pytest.mark.parametrize(
    ("run", "params", "first", "last", "count"),
    [
        (Run(partition_key="2020-02"), {}, "2020-02-01", "2020-02-29", 29),
        (Run(partition_key="2020-02-03"), {}, "2020-02-03", "2020-02-03", 1),
        (Run(), {"from": "2020-02", "to": "2020-03-02"}, "2020-02-01", "2020-03-02", 31),
    ],
)
def test_a_month_means_all_its_days(run: Run, params: dict[str, Any], first: str, last: str, count: int) -> None:
    found = [str(period) for period in resolve_periods(run, params, "day")]
    assert (found[0], found[-1], len(found)) == (first, last, count)


@pytest.mark.parametrize(
    ("run", "params", "says"),
    [
        (Run(), {}, "does not name the month that it owns.*2019-01"),
        (Run(partition_key="bad key"), {}, "is not a partition key: expected a month like 2019-01"),
        (Run(partition_key="2019-01-05"), {}, "expected a month"),
        (Run(partition_key="2019-01"), {"from": "2019-01", "to": "2019-02"}, "Give one of the two"),
        (Run(), {"from": "2019-01"}, "only one end of a range"),
        (Run(), {"from": "2019-03", "to": "2019-01"}, "backwards"),
        (Run(data_interval_start=month(1), data_interval_end=month(1)), {}, "does not name the month"),
    ],
)
def test_everything_else_is_refused_and_says_what_to_type(run: Run, params: dict[str, Any], says: str) -> None:
    with pytest.raises(PartitionKeyError, match=says):
        resolve_periods(run, params, "month")
