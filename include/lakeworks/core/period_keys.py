"""The periods that a key, or two keys, of a person or of Airflow name."""

from lakeworks.core.partition import GRAINS, SHAPES, Period, period_range
from lakeworks.errors import PartitionKeyError


def periods_of(key: str, grain: str) -> list[Period]:
    """Return the periods of a grain that a key names: itself, or all inside a coarser key (`2019-01` for days).

    Raises:
        PartitionKeyError: the key is neither of that grain nor of a coarser one.
    """
    for coarser in GRAINS[: GRAINS.index(grain)]:
        if SHAPES[coarser].fullmatch(key or ""):
            return Period.parse(key, coarser).split(grain)
    return [Period.parse(key, grain)]


def periods_between(first: str, last: str, grain: str) -> list[Period]:
    """Return every period from the key `first` to the key `last`, both included; a month is its days.

    Raises:
        PartitionKeyError: a key is neither of that grain nor of a coarser one, or `last` lies before `first`.
    """
    begin, final = periods_of(first, grain)[0], periods_of(last, grain)[-1]
    if final < begin:
        raise PartitionKeyError(f"from `{first}` to `{last}` runs backwards: `from` must not be later than `to`.")
    return list(period_range(begin, final.end))
