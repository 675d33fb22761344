"""Split a run over several periods into builds of one table."""

from collections.abc import Sequence

from lakeworks.contract import Contract
from lakeworks.core.partition import Period


def plan(contract: Contract, periods: Sequence[Period]) -> list[Period]:
    """Return the periods to fetch or build, in order; together they cover the same time.

    A table that no time cuts has one state, so only the last period is built. If a column of the rows decides the partition,
    a whole month of days is one build: a year takes 12, and each reads its look-back once. Tables that land by period keep
    their periods, and so do tables with `late_data`, which follow the arrivals of each period.
    """
    if contract.late_data:
        return list(periods)
    times = contract.time_fields
    if contract.is_owned_whole and not (contract.partition_by and contract.source):
        return list(periods[-1:])
    if contract.source or contract.look_back_periods or any(item.column is None for item in times) or not times:
        return list(periods)
    return _whole_months(periods)


def _whole_months(periods: Sequence[Period]) -> list[Period]:
    merged: list[Period] = []
    left = list(periods)
    while left:
        month = Period.containing(left[0].start, "month")
        days = month.split(left[0].grain)
        if left[: len(days)] == days:
            merged.append(month)
            left = left[len(days) :]
        else:
            merged.append(left.pop(0))
    return merged
