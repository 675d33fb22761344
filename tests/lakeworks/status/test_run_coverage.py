"""What a run's consumers are notified of, and which days of a roll-up are still to come."""

from datetime import UTC, datetime
from typing import Any

import pytest

from lakeworks.contract import Contract
from lakeworks.core.layout import run_key
from lakeworks.core.partition import Period
from lakeworks.core.period_keys import periods_between
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord, StagedPartition
from lakeworks.status.run_coverage import announced_keys, uncovered
from tests.conftest import contract_of

COLUMNS = {
    "id": {"type": "bigint", "required": True, "description": "key"},
    "sold_on": {"type": "date", "description": "day"},
    "sold_at": {"type": "timestamp", "description": "moment"},
    "region": {"type": "string", "description": "where"},
}


def table(*by: str) -> Contract:
    return contract_of(partition_by=list(by), columns=COLUMNS)


def record(period: str, *partitions: str) -> RunRecord:
    return RunRecord(
        table="silver.test.rows", period=period, run=Run(id="r", started_at=datetime(2026, 1, 1, tzinfo=UTC)), contract_version="1.0.0",
        schema_fingerprint="f", balance=RowBalance(read=0, staged=0),
        partitions=tuple(StagedPartition(partition=path, objects=()) for path in partitions),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("by", "records", "keys"),
    [
        (["day(sold_on)"], [record("2019-01-05", "year=2019/month=01/day=05")], ["2019-01-05"]),
        (["day(sold_on)"], [record("2019-01-05")], ["2019-01-05"]),  # a day without rows is no reason to wait
        (
            ["day(sold_on)"],
            [record("2019-01-05", "year=2018/month=12/day=31")],
            ["2018-12-31", "2019-01-05"],
        ),  # re-opened
        (["region", "day(sold_on)"], [record("2019-01-05", "region=eu/year=2019/month=01/day=05")], ["2019-01-05"]),
        (["month(sold_on)"], [record("2019-01-05"), record("2019-01-06")], ["2019-01"]),
        (["region"], [record("2019-01-05", "region=eu")], ["2019-01-05"]),
        ([], [record("2019-01-05", "")], ["2019-01-05"]),
    ],
)
def test_consumers_are_notified_of_every_period_a_run_covered_or_reopened(
    by: Any, records: Any, keys: list[str]
) -> None:
    assert announced_keys(table(*by), records) == keys


def test_a_months_run_of_a_daily_table_tells_of_every_day() -> None:
    keys = announced_keys(table("day(sold_on)"), [record("2019-02", "year=2019/month=02/day=03")])
    assert keys == [f"2019-02-{day:02}" for day in range(1, 29)]


def test_hours_are_announced_as_their_day() -> None:
    """A year of hours is 8,760 announcements: Airflow's request timed out at every try, and the run never ended."""
    assert announced_keys(table("hour(sold_at)"), [record("2019-02-03"), record("2019-02-04T05")]) == [
        "2019-02-03",
        "2019-02-04",
    ]


def test_years_of_days_are_announced_by_months(caplog: pytest.LogCaptureFixture) -> None:
    months = [record(str(month)) for month in periods_between("2010-01", "2019-12", "month")]
    keys = announced_keys(table("day(sold_on)"), [record("2009-12-30"), *months])
    assert keys[:3] == ["2009-12-30", "2010-01-01", "2010-02-01"]
    assert len(keys) == 121
    assert "3653 days were run; consumers are notified of the first of each of 121 months" in caplog.text
    assert len(announced_keys(table("day(sold_on)"), months[:3])) == 90, "a quarter is notified of day by day"


def ran(lake: Lake, contract: Contract, *periods: str) -> None:
    for period in periods:
        lake.store.put(run_key(contract.table, Period.parse(period), "r.1"), b"{}")


def test_days_wait_for_their_own_runs_even_if_another_run_reopened_them(lake: Lake) -> None:
    contract, month = table("day(sold_on)"), Period.parse("2019-02")
    ran(lake, contract, *(f"2019-02-{day:02}" for day in range(1, 27)), "2019-03-01", "2019-02-28T03")
    lake.store.put("_ledger/silver/test/rows/year=2019/month=02/day=27/00000001.json", b"{}")
    assert [str(slot) for slot in uncovered(lake, contract, month)] == ["2019-02-27"]
    ran(lake, contract, "2019-02")  # one run over the whole month
    assert uncovered(lake, contract, month) == []
    assert uncovered(lake, contract, Period.parse("2019-02-27")) == []


def test_a_run_over_a_month_that_is_not_over_covers_the_days_until_then(lake: Lake) -> None:
    """A from/to run on the 5th counted for the whole month, and its roll-up went on without the other days."""
    contract, today = table("day(sold_on)"), Period.containing(datetime.now(UTC), "day")
    month = Period.containing(today.start, "month")
    ran(lake, contract, str(month))
    assert uncovered(lake, contract, month)[0] == today
    assert uncovered(lake, contract, month)[-1].end == month.end


def test_a_table_that_time_does_not_cut_needs_one_run(lake: Lake) -> None:
    contract, month = table("region"), Period.parse("2019-02")
    assert uncovered(lake, contract, month) == [month]
    ran(lake, contract, "2018-01")
    assert uncovered(lake, contract, month) == []
