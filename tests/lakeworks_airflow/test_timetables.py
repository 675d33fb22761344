"""Which runs Airflow's own backfill makes of a stretch of days, and what a daily DAG's schedule makes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.partition import periods_of
from lakeworks_airflow import DailyPartitions


def keys(first: datetime, last: datetime) -> list[str]:
    infos = DailyPartitions("06:00").iter_partition_dagrun_infos(earliest=first, latest=last)
    return [str(info.partition_key) for info in infos]


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def days(number: int) -> Iterator[datetime]:
    return (day("2019-01-01") + timedelta(days=offset) for offset in range(number))


def test_a_year_is_twelve_runs_and_its_last_day_is_in() -> None:
    assert keys(day("2012-01-01"), day("2012-12-31")) == [f"2012-{month:02}" for month in range(1, 13)]


def test_days_that_make_no_whole_month_are_a_run_each() -> None:
    assert keys(day("2019-01-30"), day("2019-03-02")) == [
        "2019-01-30",
        "2019-01-31",
        "2019-02",
        "2019-03-01",
        "2019-03-02",
    ]
    assert keys(day("2019-01-05"), day("2019-01-05T23:59:59")) == ["2019-01-05"]


@given(st.dates(day("2000-01-01").date(), day("2020-12-31").date()), st.integers(0, 800))
def test_every_day_of_the_range_is_owned_by_exactly_one_run(first: datetime, length: int) -> None:
    start = day(first.isoformat())
    owned = [item for key in keys(start, start + timedelta(days=length)) for item in periods_of(key, "day")]
    assert [item.start for item in owned] == [start + timedelta(days=number) for number in range(length + 1)]


def test_days_that_are_not_over_are_left_out() -> None:
    today = datetime.now(UTC)
    found = keys(today - timedelta(days=70), today + timedelta(days=70))
    owned = [item for key in found for item in periods_of(key, "day")]
    assert owned[-1].end.date() == datetime.now(UTC).date()
    assert keys(today, today + timedelta(days=3)) == []


def test_a_month_and_its_first_day_are_told_apart_and_a_day_is_known_as_its_scheduled_run() -> None:
    """Airflow goes by the moment, not the key, when it asks whether a run is there already."""
    timetable = DailyPartitions("06:00")
    moments = {
        info.partition_key: info.partition_date
        for first, last in (("2019-01-01", "2019-01-31"), ("2019-01-01", "2019-01-02"))
        for info in timetable.iter_partition_dagrun_infos(earliest=day(first), latest=day(last))
    }
    assert moments == {
        "2019-01": day("2019-01-01"), "2019-01-01": day("2019-01-01T06:00"), "2019-01-02": day("2019-01-02T06:00"),
    }  # fmt: skip
    assert {key: timetable.resolve_partition_date(key) for key in moments} == moments
    scheduled = timetable._get_partition_info(timetable._align_to_next(day("2019-01-02T06:00")))
    assert scheduled == (day("2019-01-01T06:00"), "2019-01-01")


def test_a_key_that_is_none_is_refused_as_airflow_expects() -> None:
    with pytest.raises(ValueError, match="expected a day like 2019-01-05"):
        DailyPartitions("06:00").resolve_partition_date("bad key")
    with pytest.raises(ValueError, match="midnight"):
        DailyPartitions("00:00")


def test_it_is_stored_and_read_back() -> None:
    stored = DailyPartitions.deserialize(DailyPartitions("00:30").serialize())
    assert (stored.summary, stored.serialize()) == ("30 0 * * *", {"at": "00:30"})
