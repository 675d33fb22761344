"""Periods from one key, or from a first and a last key, that a person or Airflow gives."""

from lakeworks.core.partition import GRAINS, SHAPES, Period, period_range
from lakeworks.errors import PartitionKeyError

_MONTH = r"[1-9][0-9]{3}-(0[1-9]|1[0-2])"
_DAY = r"-(0[1-9]|[12][0-9]|3[01])"
_HOUR = r"T([01][0-9]|2[0-3])"
# In the syntax of JSON schema, which a browser checks as well.
_PATTERNS = {
    "month": f"^({_MONTH})?$",
    "day": f"^({_MONTH}({_DAY})?)?$",
    "hour": f"^({_MONTH}({_DAY}({_HOUR})?)?)?$",
}
EXAMPLES = {"month": "2019-01", "day": "2019-01-05", "hour": "2019-01-05T03"}


def key_pattern(grain: str) -> str:
    """Return the regular expression of the keys that `periods_of` reads, and of no key: for a form's field.

    It lets a day through that a month does not have (`2019-02-30`); `periods_of` refuses it.
    """
    return _PATTERNS[grain]


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
        raise PartitionKeyError(
            f"from `{first}` to `{last}` runs backwards. Nothing was run. `from` must not be later than `to`."
        )
    return list(period_range(begin, final.end))
