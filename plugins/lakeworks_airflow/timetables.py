"""When runs of a daily table begin, and which runs a backfill makes of a stretch of days."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from typing import Any, Self

from airflow.exceptions import InvalidPartitionKeyError
from airflow.sdk import timezone
from airflow.timetables.base import DagRunInfo
from airflow.timetables.trigger import CronPartitionTimetable

from lakeworks.errors import PartitionKeyError
from lakeworks.partition import Period, period_range, periods_of


class DailyPartitions(CronPartitionTimetable):
    """A run a day for the day before, key `2019-01-05`; a backfill brings whole months in a run each, key `2019-01`.

    Airflow's own backfills (command, API and the form of its UI) ask the timetable which runs a stretch of time needs. A task
    costs seconds before it does anything, and a month of days is one build where the table allows it, so a year is 12 runs
    here and not 366. Days at the ends that make no whole month are a run each. Days that are not over are left out.

    :param at: time of day in UTC when the day before is over everywhere, like `06:00`. Not midnight, which is the moment
        Airflow knows a month's run by.
    """

    def __init__(self, at: str) -> None:
        self.at = time.fromisoformat(at)
        if not self.at.hour and not self.at.minute:
            raise ValueError("DailyPartitions: midnight is the moment of months; say a time after it, like 00:30.")
        cron = f"{self.at.minute} {self.at.hour} * * *"
        super().__init__(cron, timezone="UTC", run_offset=-1, key_format="%Y-%m-%d")

    def serialize(self) -> dict[str, Any]:
        """What Airflow stores of it."""
        return {"at": self.at.isoformat("minutes")}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Self:
        """Read what Airflow stored."""
        return cls(data["at"])

    def iter_partition_dagrun_infos(self, *, earliest: datetime, latest: datetime) -> Iterable[DagRunInfo]:
        """The runs of a backfill from the day of one moment to the day of another, both included."""
        first, last = (Period.containing(moment.astimezone(UTC), "day") for moment in (earliest, latest))
        end = min(last.end, Period.containing(timezone.utcnow(), "day").start)
        for month, found in groupby(period_range(first, end), key=lambda day: Period.containing(day.start, "month")):
            days = list(found)
            yield from self._runs([month] if days == month.split("day") else days)

    def _runs(self, periods: Iterable[Period]) -> Iterator[DagRunInfo]:
        for period in periods:
            moment = self._decode_partition_date(str(period))
            yield DagRunInfo(
                run_after=timezone.coerce_datetime(period.end),
                data_interval=None,
                partition_date=timezone.coerce_datetime(moment),
                partition_key=str(period),
            )

    def _decode_partition_date(self, partition_key: str) -> datetime:
        """By which moment Airflow knows a run: of a day its cron tick, as for scheduled runs; of a month its start."""
        try:
            periods = periods_of(partition_key, "day")
        except PartitionKeyError as error:
            raise InvalidPartitionKeyError(str(error)) from error
        start = periods[0].start
        return start if len(periods) > 1 else start + timedelta(hours=self.at.hour, minutes=self.at.minute)
