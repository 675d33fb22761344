"""Split a run over several periods into builds of one table."""

from collections.abc import Sequence

from lakeworks.contract import Contract
from lakeworks.core.partition import Period


def plan(contract: Contract, periods: Sequence[Period]) -> list[Period]:
    """The periods to fetch or build, in order; together they cover the same time.

    A table without partitions has one state, so the last period means all. Where rows find their partition by a column of
    their own, a whole month of days is one build: a year takes 12, and each reads its look-back once. What lands by period
    stays as it is, and so does what follows the arrivals of each period (`late_data`).
    """
    if contract.late_data:
        return list(periods)
    times = contract.time_fields
    if not contract.partition_by:
        return list(periods[-1:])
    if contract.source or contract.look_back_periods or any(item.column is None for item in times) or not times:
        return list(periods)
    return _whole_months(periods)


def _whole_months(periods: Sequence[Period]) -> list[Period]:
    found: list[Period] = []
    left = list(periods)
    while left:
        month = Period.containing(left[0].start, "month")
        whole = month.split(left[0].grain)
        if left[: len(whole)] == whole:
            found.append(month)
            left = left[len(whole) :]
        else:
            found.append(left.pop(0))
    return found
