"""Periods, and the Hive partitions of a table.

A *period* is the date range one run owns (`2019-01`, `2019-01-05`, `2019-01-05T03`): the Airflow partition key.
A *partition* is one folder of a table (`year=2019/month=01/day=05`); a monthly run of a daily table owns about 31.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import unquote

from lakeworks.core.hive import HIVE_NULL, encode_hive
from lakeworks.errors import ContractError, PartitionKeyError

GRAINS = ("month", "day", "hour")
SHAPES = {
    "month": re.compile(r"(\d{4})-(\d{2})"),
    "day": re.compile(r"(\d{4})-(\d{2})-(\d{2})"),
    "hour": re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{2})"),
}
_TIME_FIELDS = {"month": ("year", "month"), "day": ("year", "month", "day"), "hour": ("year", "month", "day", "hour")}
_TIMES = frozenset(_TIME_FIELDS["hour"])
FIRST_YEAR, LAST_YEAR = 1000, 9998  # four digits, and the end of every period is still a date
_YEARS = f"have the years {FIRST_YEAR} to {LAST_YEAR}"


@dataclass(frozen=True, order=True)
class Period:
    """A month, day or hour in UTC; `str()` is the Airflow partition key."""

    start: datetime
    grain: str

    @classmethod
    def parse(cls, key: str, grain: str | None = None) -> "Period":
        """Read a partition key; with `grain`, only that grain is accepted.

        Raises:
            PartitionKeyError: the key names no month, day or hour, or one of another grain.
        """
        for candidate in [grain] if grain else GRAINS:
            if match := SHAPES[candidate].fullmatch(key or ""):
                year, month, *finer = map(int, match.groups())
                day, hour = (*finer, *(1, 0)[len(finer) :])
                if not FIRST_YEAR <= year <= LAST_YEAR:
                    raise PartitionKeyError(f"`{key}`: periods {_YEARS}. Nothing was run.")
                try:  # not strptime, which takes most of the time where 100,000 partitions are listed
                    return cls(datetime(year, month, day, hour, tzinfo=UTC), candidate)
                except ValueError:
                    break
        forms = {"month": "a month like 2019-01", "day": "a day like 2019-01-05", "hour": "an hour like 2019-01-05T03"}
        expected = forms[grain] if grain else ", ".join(forms.values())
        raise PartitionKeyError(f"`{key}` is not a partition key: expected {expected}. Nothing was run.")

    @classmethod
    def find(cls, key: str, grain: str | None = None) -> "Period | None":
        """Return the period of a key of unknown origin; None if it is no period."""
        try:
            return cls.parse(key, grain)
        except PartitionKeyError:
            return None

    @classmethod
    def containing(cls, moment: datetime, grain: str) -> "Period":
        """Return the period of that grain in which `moment` (naive means UTC) lies.

        Raises:
            PartitionKeyError: no period has the moment's year.
        """
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise PartitionKeyError(f"{moment.isoformat()}: periods {_YEARS}. Nothing was run. Look for wrong dates.")
        day, hour = (1 if grain == "month" else moment.day), (moment.hour if grain == "hour" else 0)
        return cls(datetime(moment.year, moment.month, day, hour, tzinfo=UTC), grain)

    def __str__(self) -> str:
        """Return the partition key."""
        return str(Partition.of_period(self))

    @property
    def end(self) -> datetime:
        """The first moment after the period."""
        if self.grain == "month":
            return (self.start.replace(day=1) + timedelta(days=32)).replace(day=1)
        return self.start + (timedelta(days=1) if self.grain == "day" else timedelta(hours=1))

    @property
    def next(self) -> "Period":
        """The period that follows."""
        return Period(self.end, self.grain)

    def with_earlier(self, count: int) -> list["Period"]:
        """Return the `count` periods before this one, and this one, in order."""
        earlier = [self]
        while len(earlier) <= count:
            earlier.insert(0, Period.containing(earlier[0].start - timedelta(seconds=1), self.grain))
        return earlier

    def split(self, grain: str) -> list["Period"]:
        """Return the periods of a finer (or the same) grain inside this one; of a coarser grain, the one it lies in."""
        return list(period_range(Period.containing(self.start, grain), self.end))

    @property
    def path(self) -> str:
        """`year=2019/month=01`: how landing objects and time partitions are laid out."""
        return Partition.of_period(self).path


def period_range(first: Period, end: datetime) -> Iterator[Period]:
    """Yield every period from `first` that starts before `end`."""
    while first.start < end:
        yield first
        first = first.next


@dataclass(frozen=True)
class PartitionField:
    """One entry of `partition_by`: a column as it is, or the month, day or hour of a column or of the run.

    `day(pickup_at)` partitions by a column's day, `month` by the run's own period, `symbol` by the column's values.
    """

    transform: str  # identity, month, day or hour
    column: str | None  # None: the run's period

    @classmethod
    def parse(cls, text: str) -> "PartitionField":
        """Read one `partition_by` entry.

        Raises:
            ContractError: it is neither a grain, nor `grain(column)`, nor a column name.
        """
        match = re.fullmatch(r"(?:(month|day|hour)(?:\((\w+)\))?|(\w+))", text.strip())
        if not match:
            raise ContractError(f"partition_by `{text}`: expected a column, `month`, or `day(column)`.")
        grain, column, identity = match.groups()
        return cls(grain, column) if grain else cls("identity", identity)

    def __str__(self) -> str:
        """Return the contract's spelling."""
        if not self.is_time:
            return str(self.column)
        return f"{self.transform}({self.column})" if self.column else self.transform

    @property
    def is_time(self) -> bool:
        """Return True if it partitions by month, day or hour; False if by a column's values."""
        return self.transform != "identity"

    @property
    def keys(self) -> tuple[str, ...]:
        """The Hive folder names this entry makes."""
        return (str(self.column),) if not self.is_time else _TIME_FIELDS[self.transform]

    def period_of(self, partition: "Partition") -> Period | None:
        """Return the time this entry gives a partition; None for categories, nulls and what is no time (`month=13`)."""
        values = dict(partition.pairs)
        return _period(tuple((key, values.get(key)) for key in self.keys)) if self.is_time else None


@dataclass(frozen=True, order=True)
class Partition:
    """One folder of a table: ordered `(key, value)` pairs, None for a null; no pairs for an unpartitioned table."""

    pairs: tuple[tuple[str, str | None], ...] = ()

    def __hash__(self) -> int:
        """Return the pairs' hash, computed once: indexes of a table ask for it many times."""
        known: int | None = self.__dict__.get("_hash")
        if known is None:
            known = self.__dict__["_hash"] = hash(self.pairs)
        return known

    def __reduce__(self) -> tuple[type["Partition"], tuple[Any, ...]]:
        """Leave the hash behind: texts have another one in another process."""
        return Partition, (self.pairs,)

    @classmethod
    def of_period(cls, period: Period) -> "Partition":
        """Return the time partition of a period."""
        return cls(tuple((name, time_value(period.start, name)) for name in _TIME_FIELDS[period.grain]))

    @classmethod
    def parse(cls, path: str) -> "Partition":
        """Read `year=2019/month=01` as Hive writes it (values percent-encoded)."""
        return cls(tuple([_pair(part) for part in path.strip("/").split("/") if part]))

    @property
    def path(self) -> str:
        """The Hive path without slashes at its ends; empty for an unpartitioned table."""
        return "/".join([_folder(pair) for pair in self.pairs])

    @property
    def values(self) -> list[str]:
        """The values as Glue stores them: decoded, a null as Hive's default partition name."""
        return [HIVE_NULL if value is None else value for _, value in self.pairs]

    @cached_property
    def period(self) -> Period | None:
        """The time the partition covers; None where it is not cut by time, the value is null, or names no time there is.

        One impossible partition (`month=13`) must not keep the others from being read. `verify` reports it.
        """
        return _period(tuple([pair for pair in self.pairs if pair[0] in _TIMES]))

    @property
    def beside_time(self) -> "Partition":
        """The categories of the partition: its keys without the time."""
        return Partition(tuple([pair for pair in self.pairs if pair[0] not in _TIMES]))

    def __str__(self) -> str:
        """Return `2019-01-05` for a time partition, otherwise the Hive path."""
        names = tuple(key for key, _ in self.pairs)
        parts = [str(value) for _, value in self.pairs]
        in_time = "-".join(parts[:3]) + (f"T{parts[3]}" if len(parts) == 4 else "")
        return in_time if names in _TIME_FIELDS.values() else self.path or "(all)"


@lru_cache(maxsize=100_000)  # a folder's name comes again in many partitions
def _pair(folder: str) -> tuple[str, str | None]:
    key, _, value = folder.partition("=")
    return unquote(key), None if value == HIVE_NULL else unquote(value)


@lru_cache(maxsize=100_000)
def _folder(pair: tuple[str, str | None]) -> str:
    return f"{pair[0]}={encode_hive(pair[1])}"


@lru_cache(maxsize=200_000)  # called for every partition of a table
def _period(pairs: tuple[tuple[str, str | None], ...]) -> Period | None:
    grain = next((grain for grain, keys in _TIME_FIELDS.items() if tuple(key for key, _ in pairs) == keys), None)
    if grain is None or any(value is None for _, value in pairs):
        return None
    return Period.find(str(Partition(pairs)), grain)


def time_value(moment: date, key: str) -> str:
    """Return a moment's year (four digits), month, day or hour (two) as partition paths have it."""
    return f"{getattr(moment, key):0{4 if key == 'year' else 2}d}"  # not strftime, which does not pad years


def partition_of(fields: tuple[PartitionField, ...], row: dict[str, Any], period: Period) -> Partition:
    """Return a row's partition; `row` has the partition columns' Python values."""
    pairs: list[tuple[str, str | None]] = []
    for field in fields:
        if not field.is_time:
            value = row[str(field.column)]
            pairs.append((str(field.column), None if value is None or value == "" else str(value)))
            continue
        moment = period.start if field.column is None else row[field.column]
        pairs += [(key, None if moment is None else time_value(moment, key)) for key in field.keys]
    return Partition(tuple(pairs))


def date_prefix(period: Period) -> str:
    """Return the beginning that the dates of a period have as text: `2019-01-`, or the day itself for a day or an hour."""
    day = period.start.date().isoformat()  # not strftime, which does not pad years
    return day.removesuffix("01") if period.grain == "month" else day


def owns(fields: tuple[PartitionField, ...], partition: Partition, period: Period) -> bool:
    """Return True if a run of the period may write the partition: its times lie in the period, or the period in it.

    A row without a time belongs to no period: every run would replace the others' such rows.
    """
    values = dict(partition.pairs)
    shared = (pair for field in fields if field.is_time for pair in _shared(field.transform, period))
    return all(values[key] == value for key, value in shared)


@lru_cache(maxsize=1024)  # called for every partition of a run
def _shared(transform: str, period: Period) -> tuple[tuple[str, str | None], ...]:
    """Return the folders of the coarser grain, the partition's or the period's; both must lie in them."""
    grain = GRAINS[min(GRAINS.index(transform), GRAINS.index(period.grain))]
    return Partition.of_period(Period.containing(period.start, grain)).pairs
