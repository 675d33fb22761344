"""Age of a stream's landed records, in the form of a table's age, so that both are listed and alerted alike."""

from datetime import UTC, datetime, timedelta

from lakeworks.core.partition import Period
from lakeworks.freshness.table_age import TableFreshness


def stream_age(
    name: str, closed_through: datetime | None, max_lag: timedelta, now: datetime, fault: str = ""
) -> TableFreshness:
    """Return the freshness of a stream, which is late if records that arrived `max_lag` ago may not have landed.

    It is late by an hour's name, so that a stream that stays late sends one alert an hour at most.
    """
    if fault or closed_through is None:
        return TableFreshness(f"stream.{name}", "", None, None, fault=fault)
    hour, due = Period.containing(closed_through.astimezone(UTC), "hour"), closed_through + max_lag
    return TableFreshness(f"stream.{name}", str(hour), closed_through, due, overdue=(str(hour),) if due < now else ())
