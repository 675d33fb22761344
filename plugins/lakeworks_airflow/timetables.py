"""Timetables of hourly, daily and monthly tables: the start of each run, and a backfill's runs for a date range."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from typing import Any, ClassVar, Self

from airflow.exceptions import InvalidPartitionKeyError
from airflow.sdk import timezone
from airflow.timetables.base import DagRunInfo
from airflow.timetables.trigger import CronPartitionTimetable

from lakeworks.core.partition import Period, period_range
from lakeworks.core.period_keys import periods_of
from lakeworks.errors import PartitionKeyError


class _Partitions(CronPartitionTimetable):
    """One run per period. Airflow's own backfills (command, API and UI form) ask it which runs a date range needs.

    Both dates are included. The error for an invalid key says what to type.
    """

    grain: ClassVar[str]

    @abstractmethod
    def _periods(self, first: Period, last: Period) -> Iterable[Period]:
        """Yield the periods that runs of a backfill own, from one period of the grain to another."""

    @abstractmethod
    def _moment(self, period: Period) -> datetime:
        """Return the moment by which Airflow identifies a period's run: for a scheduled run, the cron tick in the period."""

    def _due(self, period: Period) -> datetime:
        """Return the time at which a run of the period may begin."""
        return period.end

    def iter_partition_dagrun_infos(self, *, earliest: datetime, latest: datetime) -> Iterable[DagRunInfo]:
        """Yield the runs of a backfill from one moment's period to another's, both included."""
        first, last = (Period.containing(moment.astimezone(UTC), self.grain) for moment in (earliest, latest))
        for period in self._periods(first, last):
            yield DagRunInfo(
                run_after=timezone.coerce_datetime(self._due(period)),
                data_interval=None,
                partition_date=timezone.coerce_datetime(self._moment(period)),
                partition_key=str(period),
            )

    def _decode_partition_date(self, partition_key: str) -> datetime:
        try:
            periods_of(partition_key, self.grain)
        except PartitionKeyError as error:
            raise InvalidPartitionKeyError(str(error)) from error
        return self._moment(Period.parse(partition_key))


class DailyPartitions(_Partitions):
    """One run per day for the day before, key `2019-01-05`. A backfill makes one run per whole month, key `2019-01`.

    A task costs seconds before it does anything, and a month of days can be one build. So a year is 12 runs and not 366. Days
    at the ends that make no whole month get one run each. Days that are not over are left out.

    :param at: time of day in UTC when the day before is over everywhere, like `06:00`. Not midnight, which is the moment
        Airflow knows a month's run by.
    """

    grain = "day"

    def __init__(self, at: str) -> None:
        self.at = time.fromisoformat(at)
        if not self.at.hour and not self.at.minute:
            raise ValueError("DailyPartitions: midnight is reserved for months; give a later time, like 00:30.")
        cron = f"{self.at.minute} {self.at.hour} * * *"
        super().__init__(cron, timezone="UTC", run_offset=-1, key_format="%Y-%m-%d")

    def serialize(self) -> dict[str, Any]:
        """Return the form that Airflow stores."""
        return {"at": self.at.isoformat("minutes")}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Self:
        """Read what Airflow stored."""
        return cls(data["at"])

    def _periods(self, first: Period, last: Period) -> Iterator[Period]:
        end = min(last.end, Period.containing(timezone.utcnow(), "day").start)
        for month, own_days in groupby(period_range(first, end), key=lambda day: Period.containing(day.start, "month")):
            days = list(own_days)
            yield from [month] if days == month.split("day") else days

    def _moment(self, period: Period) -> datetime:
        """Return a day's cron tick, as for scheduled runs; a month's start."""
        return (
            period.start
            if period.grain == "month"
            else period.start + timedelta(hours=self.at.hour, minutes=self.at.minute)
        )


class HourlyPartitions(_Partitions):
    """One run per hour for the hour before, key `2019-01-05T03`. A backfill makes one run per whole day, key `2019-01-05`.

    A day of hours is one run with 24 periods, so a month of a backfill is 31 runs and not 744. Hours at the ends that make no
    whole day get one run each. Hours that are not over are left out.

    :param minute: minutes after the hour's end when a run begins, 1 to 59. Not 0, which is the moment Airflow knows a day's
        run by.
    """

    grain = "hour"

    def __init__(self, minute: int) -> None:
        if not 1 <= minute <= 59:
            raise ValueError(
                "HourlyPartitions: the full hour is the moment of days; say a minute from 1 to 59, like 5."
            )
        self.minute = minute
        super().__init__(f"{minute} * * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%dT%H")

    def serialize(self) -> dict[str, Any]:
        """Return the form that Airflow stores."""
        return {"minute": self.minute}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Self:
        """Read what Airflow stored."""
        return cls(data["minute"])

    def _periods(self, first: Period, last: Period) -> Iterator[Period]:
        end = min(last.end, Period.containing(timezone.utcnow(), "hour").start)
        for day, hours_of_day in groupby(
            period_range(first, end), key=lambda hour: Period.containing(hour.start, "day")
        ):
            hours = list(hours_of_day)
            yield from [day] if hours == day.split("hour") else hours

    def _moment(self, period: Period) -> datetime:
        """Return an hour's cron tick, as for scheduled runs; a day's start; a moment of its own for a month."""
        after = {"hour": timedelta(minutes=self.minute), "day": timedelta(), "month": timedelta(seconds=30)}
        return period.start + after[period.grain]


class MonthlyPartitions(_Partitions):
    """One run per month, key `2019-01`. A backfill leaves out months whose own scheduled run is not due yet.

    :param at: day of the month and time in UTC when a run begins, like `1 06:00`. Not after the 28th: not every month has it.
    :param months_later: how many months after the month it owns: 1 where a month can be had once it is over, 2 where its
        source publishes a month late.
    """

    grain = "month"

    def __init__(self, at: str, *, months_later: int = 1) -> None:
        day, _, clock = at.partition(" ")
        self.day, self.at, self.months_later = int(day), time.fromisoformat(clock), months_later
        if not 1 <= self.day <= 28 or months_later < 1:
            raise ValueError(
                "MonthlyPartitions: give a day from 1 to 28 with a time, like `1 06:00`, and months_later of at "
                "least 1."
            )
        cron = f"{self.at.minute} {self.at.hour} {self.day} * *"
        super().__init__(cron, timezone="UTC", run_offset=-months_later, key_format="%Y-%m")

    def serialize(self) -> dict[str, Any]:
        """Return the form that Airflow stores."""
        return {"at": f"{self.day} {self.at.isoformat('minutes')}", "months_later": self.months_later}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Self:
        """Read what Airflow stored."""
        return cls(data["at"], months_later=data["months_later"])

    def _periods(self, first: Period, last: Period) -> Iterator[Period]:
        now = timezone.utcnow()
        return (month for month in period_range(first, last.end) if self._due(month) <= now)

    def _moment(self, period: Period) -> datetime:
        return period.start + timedelta(days=self.day - 1, hours=self.at.hour, minutes=self.at.minute)

    def _due(self, period: Period) -> datetime:
        for _ in range(self.months_later):
            period = period.next
        return self._moment(period)
