"""Sample data as of today: other dates, the same values, and only dates that the vendor could have."""

import io
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from exchange_calendars import get_calendar

from lakeworks.core.partition import Period
from lakeworks_local.data import equities
from lakeworks_local.data.moved_trips import DATA, month_of_trips
from lakeworks_local.replay import start_replay
from lakeworks_local.replay.moved_dates import moved_sessions, whole_weeks
from lakeworks_local.replay.shop import ZONE
from lakeworks_local.replay.shopify import ANCHOR, TOKEN
from lakeworks_local.stack.folder import first_day
from tests.lakeworks_local.shops import FIRST, small_shop

SUNDAY = date(2026, 11, 29)  # after a Thursday on which the exchange was closed


def test_bars_lie_on_every_real_session_and_on_no_other_day() -> None:
    found = moved_sessions(equities.sessions(), SUNDAY)["IBM"]
    days = [session.day for session in found]
    real = [moment.date() for moment in get_calendar("XNYS", start=str(days[0]), end=str(days[-1])).sessions]
    assert days == real
    assert date(2026, 11, 27) in days
    assert date(2026, 11, 26) not in days, "Thanksgiving"
    assert days[-1] > SUNDAY + timedelta(days=350), "a stack that stays up receives new days for a year"
    sample = equities.sessions()["IBM"][-len(found) :]
    assert [(item.bar, item.split, item.dividend) for item in found] == [
        (item.bar, item.split, item.dividend) for item in sample
    ]


@pytest.mark.parametrize("days_later", range(7))
def test_the_shop_opened_one_to_two_weeks_ago_on_the_same_day_of_the_week(days_later: int) -> None:
    today = SUNDAY + timedelta(days=days_later)
    by = whole_weeks(ANCHOR, today)
    assert by.days % 7 == 0
    assert timedelta(days=7) <= today - (FIRST + by).date() <= timedelta(days=13)
    shop, moved = small_shop(), small_shop().moved(by)
    assert [(e.at - by, e.kind, e.cents, e.basket.number) for e in moved.events] == [
        (e.at, e.kind, e.cents, e.basket.number) for e in shop.events
    ]


def test_a_month_of_trips_has_each_of_its_days_with_trips_of_that_day_of_the_week() -> None:
    july = pq.read_table(io.BytesIO(month_of_trips(Period.parse("2026-07"))))
    sample = [pq.read_table(DATA / f"yellow_tripdata_2019-{month}.parquet") for month in ("01", "02", "03")]
    assert july.schema.equals(sample[0].schema)
    days = Counter(moment.date() for moment in july["tpep_pickup_datetime"].to_pylist())
    assert {day for day in days if day.month == 7} == {date(2026, 7, day) for day in range(1, 32)}
    assert sum(count for day, count in days.items() if day.month != 7) < 5, "the samples' own wrong dates"
    held = Counter(moment.date() for table in sample for moment in table["tpep_pickup_datetime"].to_pylist())
    for day in (date(2026, 7, 3), date(2026, 7, 31)):
        by = (day - date(2019, 1, 1)) // timedelta(weeks=12) * timedelta(weeks=12)
        assert days[day] == held[day - by]
        assert (day - by).weekday() == day.weekday()
    fares = [set(table["total_amount"].to_pylist()) for table in sample]
    assert set(july["total_amount"].to_pylist()) <= set.union(*fares)
    assert rides(july) <= set.union(*map(rides, sample)), "no trip became longer or shorter"


def rides(table: pa.Table) -> set[timedelta]:
    times = (table[f"tpep_{name}_datetime"].to_pylist() for name in ("pickup", "dropoff"))
    return {end - start for start, end in zip(*times, strict=True)}


def test_consecutive_months_share_no_trip_and_leave_none_out() -> None:
    months = [f"2026-{number:02d}" for number in range(5, 9)]
    seen = Counter[date]()
    for month in months:
        table = pq.read_table(io.BytesIO(month_of_trips(Period.parse(month))))
        seen.update(
            day for moment in table["tpep_pickup_datetime"].to_pylist() if str(day := moment.date())[:7] in months
        )
    assert len(seen) == 31 + 30 + 31 + 31
    cycle = timedelta(weeks=12)
    twice = [(seen[day], seen[day + cycle]) for day in seen if day + cycle in seen]
    assert len(twice) > 30
    # A wrong date of the samples may fall into one of the four months and not into its repetition.
    assert all(abs(one - other) <= 1 for one, other in twice), "the quarter repeats whole"


def test_the_vendors_live_today_and_show_nothing_of_tomorrow() -> None:
    today = datetime.now(UTC).date()
    with start_replay(lambda _: small_shop(), today=today) as url:
        clocks = requests.get(f"{url}/_control/clock", timeout=5).json()
        assert {clock["now"][:10] for clock in clocks.values()} <= {str(today), str(today + timedelta(days=1))}
        query = {"function": "TIME_SERIES_DAILY_ADJUSTED", "symbol": "IBM", "apikey": "PREMIUM-key"}
        bars = requests.get(f"{url}/query", params=query, timeout=60).json()["Time Series (Daily)"]
        assert today - timedelta(days=5) <= date.fromisoformat(max(bars)) <= today
        header = {"X-Shopify-Access-Token": TOKEN}
        orders = requests.get(f"{url}/admin/api/2026-07/orders.json?status=any", headers=header, timeout=5)
        placed = [datetime.fromisoformat(item["created_at"]) for item in orders.json()["orders"]]
        assert max(placed) <= datetime.now(ZONE)
        assert min(placed).date() > today - timedelta(days=15)
        newest = Period.containing(datetime.now(UTC), "month").with_earlier(2)[0]
        file = f"{url}/trip-data/yellow_tripdata_{{}}.parquet".format
        assert requests.get(file(newest), timeout=60).ok
        unpublished = requests.get(file(newest.next), timeout=60)
        assert (unpublished.status_code, "AccessDenied" in unpublished.text) == (403, True)
        assert "/dates-moved" in url, "rows that keep their source's address say it"


def test_a_folder_keeps_the_day_of_its_first_start(tmp_path: Path) -> None:
    assert first_day(tmp_path, SUNDAY) == first_day(tmp_path, SUNDAY + timedelta(days=9)) == str(SUNDAY)
