"""Which runs Airflow's own backfill makes of a date range, and what a daily or monthly DAG's schedule makes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk import timezone
from airflow.timetables.base import TimeRestriction
from airflow.timetables.trigger import CronPartitionTimetable
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.core.period_keys import periods_of
from lakeworks_airflow import DailyPartitions, HourlyPartitions, MonthlyPartitions


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


def test_a_month_and_its_first_day_are_distinguished_and_a_day_is_known_as_its_scheduled_run() -> None:
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


# As the DAGs had them before: the stored runs of these have to stay recognised.
MONTHLY = [
    ("1 06:00", 2, "0 6 1 * *"),  # taxi
    ("2 08:00", 1, "0 8 2 * *"),  # market_intraday
    ("1 03:30", 1, "30 3 1 * *"),  # lake_costs
]
TAXI = MonthlyPartitions("1 06:00", months_later=2)


def cron(text: str, months_later: int) -> CronPartitionTimetable:
    return CronPartitionTimetable(text, timezone="UTC", key_format="%Y-%m", run_offset=-months_later)


def months(timetable: CronPartitionTimetable, first: datetime, last: datetime) -> dict[str, datetime]:
    infos = timetable.iter_partition_dagrun_infos(earliest=first, latest=last)
    return {str(info.partition_key): info.partition_date for info in infos if info.partition_date}


@pytest.mark.parametrize(("at", "months_later", "text"), MONTHLY)
@pytest.mark.parametrize("catchup", [True, False])
def test_a_monthly_schedule_makes_the_runs_that_its_cron_made(
    at: str, months_later: int, text: str, catchup: bool
) -> None:
    ours, airflows = MonthlyPartitions(at, months_later=months_later), cron(text, months_later)
    restriction = TimeRestriction(timezone.coerce_datetime(day("2019-01-01")), None, catchup)
    last = None
    for _ in range(15):
        info = ours.next_dagrun_info_v2(last_dagrun_info=last, restriction=restriction)
        assert info == airflows.next_dagrun_info_v2(last_dagrun_info=last, restriction=restriction)
        assert info
        assert info.partition_date == ours.resolve_partition_date(str(info.partition_key))
        last = info


def test_on_the_first_of_a_month_the_month_before_last_is_due() -> None:
    assert TAXI._get_partition_info(TAXI._align_to_next(timezone.coerce_datetime(day("2019-03-01T06:00")))) == (
        day("2019-01-01T06:00"),
        "2019-01",
    )


@pytest.mark.parametrize(("at", "months_later", "text"), MONTHLY)
def test_a_monthly_backfill_knows_the_runs_that_are_stored(at: str, months_later: int, text: str) -> None:
    """Airflow goes by the moment: another one for the same key, and every month that is there would be run again."""
    found = months(MonthlyPartitions(at, months_later=months_later), day("2012-01-01"), day("2012-12-31"))
    assert found == months(cron(text, months_later), day("2012-01-01"), day("2012-12-31"))
    assert len(found) == 12


def test_the_months_of_both_dates_are_included() -> None:
    """Cron left the first out if its tick lay before the date, and the last if it lay after it."""
    assert list(months(TAXI, day("2019-01-15"), day("2019-03-01"))) == ["2019-01", "2019-02", "2019-03"]
    assert list(months(TAXI, day("2019-01-31"), day("2019-01-31"))) == ["2019-01"]


def test_months_whose_scheduled_run_is_still_to_come_are_left_out() -> None:
    now = datetime.now(UTC)
    infos = list(TAXI.iter_partition_dagrun_infos(earliest=now - timedelta(days=400), latest=now + timedelta(days=400)))
    newest = infos[-1]
    assert newest.run_after <= now < newest.run_after + timedelta(days=32)
    assert newest.partition_date
    assert 58 < (newest.run_after - newest.partition_date).days < 63, "two months later"
    assert months(TAXI, now, now + timedelta(days=400)) == {}
    assert months(TAXI, day("2019-03-01"), day("2019-01-01")) == {}, "backwards is refused by Airflow before it asks"


def test_a_key_that_is_no_month_is_answered_with_what_to_type() -> None:
    for key in ("bad key", "2019-01-05", "2019-13", "2019-1", ""):
        with pytest.raises(
            ValueError, match=f"`{key}` is not a partition key: expected a month like 2019-01. Nothing was run"
        ):
            TAXI.resolve_partition_date(key)


def test_a_monthly_timetable_is_stored_and_read_back() -> None:
    stored = MonthlyPartitions.deserialize(TAXI.serialize())
    assert (stored.summary, stored.serialize()) == ("0 6 1 * *", {"at": "1 06:00", "months_later": 2})
    for at, later in (("31 06:00", 1), ("0 06:00", 1), ("1 06:00", 0)):
        with pytest.raises(ValueError, match="give a day from 1 to 28"):
            MonthlyPartitions(at, months_later=later)


HOURS = HourlyPartitions(5)


def test_an_hourly_schedule_makes_the_runs_that_its_cron_made() -> None:
    airflows = CronPartitionTimetable("5 * * * *", timezone="UTC", key_format="%Y-%m-%dT%H", run_offset=-1)
    restriction = TimeRestriction(timezone.coerce_datetime(day("2019-01-01")), None, True)
    last = None
    for _ in range(30):
        info = HOURS.next_dagrun_info_v2(last_dagrun_info=last, restriction=restriction)
        assert info == airflows.next_dagrun_info_v2(last_dagrun_info=last, restriction=restriction)
        assert info
        assert info.partition_date == HOURS.resolve_partition_date(str(info.partition_key))
        last = info


def test_a_backfill_of_hours_makes_one_run_a_whole_day_and_one_an_hour_at_its_ends() -> None:
    found = months(HOURS, day("2019-01-05T22:30"), day("2019-01-07T01:00"))
    assert list(found) == ["2019-01-05T22", "2019-01-05T23", "2019-01-06", "2019-01-07T00", "2019-01-07T01"]
    keys = [*found, "2019-01", "2019-01-01", "2019-01-01T00"]
    assert len({HOURS.resolve_partition_date(key) for key in keys}) == len(keys), "Airflow knows a run by its moment"
    now = datetime.now(UTC)
    newest = list(months(HOURS, now - timedelta(hours=3), now + timedelta(hours=3)))[-1]
    assert newest < now.strftime("%Y-%m-%dT%H"), "an hour that is not over is left out"


def test_an_hourly_timetable_is_stored_read_back_and_refuses_the_full_hour() -> None:
    stored = HourlyPartitions.deserialize(HOURS.serialize())
    assert (stored.summary, stored.serialize()) == ("5 * * * *", {"minute": 5})
    with pytest.raises(ValueError, match="say a minute from 1 to 59"):
        HourlyPartitions(0)
    with pytest.raises(ValueError, match="expected an hour like 2019-01-05T03"):
        HOURS.resolve_partition_date("2019-01-05T24")
