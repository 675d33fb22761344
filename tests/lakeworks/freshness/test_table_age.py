"""How old what is published is, and what of it is late."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from exchange_calendars import get_calendar

from lakeworks.contract import Contract, load_contract
from lakeworks.core.layout import run_key
from lakeworks.core.partition import Partition, Period
from lakeworks.freshness.table_age import TableFreshness, freshness
from tests.support.many_partitions import Many, entry, many, prices


def daily(hours: float = 48) -> Contract:
    return prices(freshness={"max_age_hours": hours}, partition_by=["day(traded_on)"])


def monthly() -> Contract:
    return prices(freshness={"max_age_hours": 48}, partition_by=["month(traded_on)"])


def daily_with(**promised: Any) -> Contract:
    return prices(freshness={"max_age_hours": 48, **promised}, partition_by=["day(traded_on)"])


def day(key: str) -> Partition:
    return Partition.of_period(Period.parse(key))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Many]:
    with many(tmp_path) as found:
        yield found


def by_symbol(**promised: Any) -> Contract:
    return prices(freshness={"max_age_hours": 48, **promised})


def of(symbol: str, *keys: str) -> list[Partition]:
    return [Partition((("symbol", symbol), *day(key).pairs)) for key in keys]


def march(first: int, last: int) -> list[str]:
    return [f"2026-03-{number:02}" for number in range(first, last + 1)]


def ran(found: Many, contract: Contract, key: str) -> None:
    """A run's record, as far as its listing is concerned; the servers' clock says when."""
    found.lake.store.put(run_key(contract.table, Period.parse(key), "r.1"), b"{}")


def look(found: Many, contract: Contract, now: str) -> TableFreshness:
    (one,) = freshness(found.lake, [contract], at(now))
    return one


def test_a_partition_is_overdue_once_its_hours_have_passed_since_it_began(lake: Many) -> None:
    contract = daily()
    lake.publish(contract, [entry(contract, day(key)) for key in ("2026-03-01", "2026-03-02")])
    fresh = look(lake, contract, "2026-03-05 00:00")
    assert (fresh.state, fresh.newest, fresh.due) == ("fresh", "2026-03-02", at("2026-03-05 00:00"))
    late = look(lake, contract, "2026-03-05 00:01")
    assert (late.state, late.overdue) == ("late", ("2026-03-03",))
    assert look(lake, contract, "2026-03-07 12:00").overdue == ("2026-03-03", "2026-03-04", "2026-03-05")
    assert late.as_dict(at("2026-03-05 00:01"))["age_hours"] == 48.0


def test_a_withdrawn_partition_does_not_make_a_table_fresh(lake: Many) -> None:
    contract, gone = daily(), {"kind": "withdrawal", "objects": ()}
    lake.publish(contract, [entry(contract, day("2026-03-01"))])
    lake.publish(contract, [entry(contract, day("2026-03-02"), **gone)])
    assert look(lake, contract, "2026-03-04 12:00").newest == "2026-03-01"


def test_months_and_what_was_never_published(lake: Many) -> None:
    assert look(lake, monthly(), "2026-03-04 12:00").state == "never published"
    lake.publish(monthly(), [entry(monthly(), day("2026-01"))])
    assert look(lake, monthly(), "2026-02-03 12:00").overdue == ("2026-02",)


def test_a_table_without_time_is_as_old_as_its_last_publication(lake: Many) -> None:
    whole = prices(freshness={"max_age_hours": 48}, partition_by=[])
    lake.publish(whole, [entry(whole, Partition(), published_at=at("2026-03-01 00:00"))])
    assert look(lake, whole, "2026-03-02 12:00").state == "fresh"
    assert look(lake, whole, "2026-03-03 12:00").state == "late"
    assert list(freshness(lake.lake, [prices()], at("2026-03-03 12:00"))) == [], "no promise, no lateness"


@pytest.mark.parametrize("table", ["bronze.market.equity_daily_bars", "gold.market.market_daily_summary"])
def test_weekends_and_holidays_of_the_exchange_are_not_late(table: str) -> None:
    """96 hours were too few for every weekend with a holiday: the next session is run at 06:00 of the day after it."""
    exchange = get_calendar("XNYS", start="2015-01-01", end="2026-10-30")
    sessions = [session.to_pydatetime().replace(tzinfo=UTC) for session in exchange.sessions]
    hours = load_contract(table).freshness
    assert hours
    for before, session in pairwise(sessions):
        due = before + timedelta(days=1, hours=hours.max_age_hours)
        assert session + timedelta(days=1, hours=6 + 12) <= due, f"{before:%Y-%m-%d}, with half a day to run it"


def test_a_months_table_is_not_late_before_its_month_is_over(lake: Many) -> None:
    """48 hours after the month before was too early by a month."""
    contract = load_contract("gold.commerce.customer_360_monthly")
    lake.publish(contract, [entry(contract, day("2026-01"))])
    assert look(lake, contract, "2026-03-01 00:30").state == "fresh"
    assert look(lake, contract, "2026-03-08 00:30").overdue == ("2026-02",)


def test_a_gap_before_the_newest_partition_is_late_while_the_look_back_lasts(lake: Many) -> None:
    """Only what followed the newest partition was looked at: day 3 could be missing for ever."""
    contract = daily()
    lake.publish(
        contract, [entry(contract, day(key)) for key in ("2026-03-01", "2026-03-02", "2026-03-04", "2026-03-06")]
    )
    assert look(lake, contract, "2026-03-05 00:00").missing == (), "it has its 48 hours"
    found = look(lake, contract, "2026-03-07 12:00")
    assert (found.state, found.overdue, found.missing) == ("late", (), ("2026-03-03", "2026-03-05"))
    assert found.as_dict(at("2026-03-07 12:00"))["missing"] == "2026-03-03 and 1 more"
    briefly = daily_with(look_back_days=1)
    assert look(lake, briefly, "2026-03-07 12:00").missing == ("2026-03-05",)
    assert look(lake, daily_with(look_back_days=0), "2026-03-07 12:00").state == "fresh"


def test_a_day_that_status_calls_empty_is_no_gap(lake: Many) -> None:
    """A weekend: runs were there and found no rows."""
    contract = daily()
    lake.publish(contract, [entry(contract, day(key)) for key in ("2026-03-06", "2026-03-09")])
    ran(lake, contract, "2026-03-07")
    assert look(lake, contract, "2026-03-11 12:00").missing == ("2026-03-08",)
    ran(lake, contract, "2026-03-08")
    assert look(lake, contract, "2026-03-11 12:00").state == "fresh"


def test_a_table_lacks_only_what_its_upstream_has(lake: Many) -> None:
    """Whose upstream has the gap is told, not everybody above it."""
    orders, sales = load_contract("bronze.commerce.orders"), load_contract("silver.commerce.orders")
    days = march(1, 6)
    lake.publish(orders, [entry(orders, day(key), period=key) for key in days if key != "2026-03-04"])
    lake.publish(sales, [entry(sales, day(key), period=key) for key in days if key not in ("2026-03-02", "2026-03-04")])
    now = at("2026-03-07 12:00")
    found = {item.table: item.missing for item in freshness(lake.lake, [orders, sales], now)}
    assert found == {orders.name: ("2026-03-04",), sales.name: ("2026-03-02",)}


def test_a_symbol_that_stopped_is_late_until_it_is_taken_for_delisted(lake: Many) -> None:
    """The table's newest day counted, although one symbol had none for weeks."""
    contract = by_symbol()
    there = of("AAPL", *march(1, 20)) + of("MSFT", *march(1, 10))
    lake.publish(contract, [entry(contract, partition) for partition in there])
    assert look(lake, contract, "2026-03-12 12:00").stopped == (), "it has its 48 hours as well"
    found = look(lake, contract, "2026-03-22 00:00")
    assert (found.state, found.overdue) == ("late", ())
    assert [str(key) for key in found.stopped] == ["symbol=MSFT since 2026-03-11"]
    lake.publish(contract, [entry(contract, partition) for partition in of("AAPL", *march(21, 31), "2026-04-20")])
    assert look(lake, contract, "2026-04-13 00:00").stopped
    assert look(lake, contract, "2026-04-14 00:00").stopped == (), "31 days after it was due"


def test_a_symbol_that_comes_now_and_then_has_not_stopped(lake: Many) -> None:
    contract = by_symbol()
    sometimes = of("RARE", "2026-03-01", "2026-03-06", "2026-03-11") + of("ONCE", "2026-03-02")
    lake.publish(contract, [entry(contract, partition) for partition in of("AAPL", *march(1, 20)) + sometimes])
    assert look(lake, contract, "2026-03-18 00:00").stopped == (), "five days are its rhythm"
    (rare,) = look(lake, contract, "2026-03-18 00:01").stopped
    assert (rare.key, rare.since) == ("symbol=RARE", "2026-03-12")


def test_a_table_whose_last_partition_has_expired_is_late_and_not_new(lake: Many) -> None:
    """It looked as if it had never been published, which is no lateness."""
    contract, gone = daily(), {"kind": "expired", "objects": (), "based_on": 1}
    lake.publish(contract, [entry(contract, day("2026-03-01"))])
    lake.publish(contract, [entry(contract, day("2026-03-01"), 2, **gone)])
    found = look(lake, contract, "2026-03-10 12:00")
    assert (found.state, found.newest) == ("late", "2026-03-01")


def test_what_has_expired_is_no_gap(lake: Many) -> None:
    contract, gone = daily(), {"kind": "expired", "objects": (), "based_on": 1}
    lake.publish(contract, [entry(contract, day(key)) for key in ("2026-03-01", "2026-03-02", "2026-03-03")])
    lake.publish(contract, [entry(contract, day("2026-03-02"), 2, **gone)])
    assert look(lake, contract, "2026-03-05 12:00").missing == ()
