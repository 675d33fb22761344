"""How a range is cut: whole months where rows find their own day, one build where there is one state."""

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Partition, Period
from lakeworks.core.period_keys import periods_between
from lakeworks.pipeline.build_periods import plan
from tests.conftest import contract_of

COLUMNS = {
    name: {"type": kind, "required": True, "description": name}
    for name, kind in {"id": "bigint", "on": "date", "kind": "string"}.items()
}
RANGE = periods_between("2012-12-30", "2013-03-02", "day")


def planned(*partition_by: str, **changes: object) -> list[str]:
    contract = contract_of(partition_by=list(partition_by), columns=COLUMNS, **changes)
    return [str(period) for period in plan(contract, RANGE)]


def test_whole_months_are_one_build_and_cover_the_same_days() -> None:
    found = planned("day(on)")
    assert found == ["2012-12-30", "2012-12-31", "2013-01", "2013-02", "2013-03-01", "2013-03-02"]
    days = [day for key in found for day in Period.parse(key).split("day")]
    assert days == RANGE


@pytest.mark.parametrize("partition_by", [(), ("kind",)])
def test_a_table_whose_runs_own_the_whole_of_it_is_built_once(partition_by: tuple[str, ...]) -> None:
    assert planned(*partition_by) == ["2013-03-02"]


@pytest.mark.parametrize(
    ("partition_by", "changes"),
    [(["day"], {}), (["day(on)"], {"source": "vendor.rows"}), (["day(on)"], {"look_back_periods": 3})],
)
def test_what_depends_on_the_period_stays_as_it_is(partition_by: list[str], changes: dict[str, object]) -> None:
    assert planned(*partition_by, **changes) == [str(day) for day in RANGE]


@pytest.mark.parametrize("table", ["silver.commerce.orders", "silver.commerce.products"])
def test_what_follows_the_arrivals_of_each_period_is_built_for_each(table: str) -> None:
    assert plan(load_contract(table), RANGE) == RANGE


def test_a_single_day_and_months_stay_what_they_are() -> None:
    contract = load_contract("silver.market.daily_bars")
    assert plan(contract, [Period.parse("2013-02-01")]) == [Period.parse("2013-02-01")]
    months = periods_between("2013-01", "2013-03", "month")
    assert plan(load_contract("silver.transport.trips"), months) == months
    assert plan(contract, []) == []


def test_february_of_a_leap_year_is_whole_with_its_29th() -> None:
    contract = load_contract("silver.market.daily_bars")
    assert [str(p) for p in plan(contract, periods_between("2012-02-01", "2012-02-29", "day"))] == ["2012-02"]
    assert len(plan(contract, periods_between("2012-02-01", "2012-02-28", "day"))) == 28


@pytest.mark.parametrize(
    ("path", "covers"),
    [
        ("year=2013/month=02/day=28", "2013-02-28"), ("year=2013/month=02", "2013-02"), ("symbol=IBM/year=2013/month=02", "2013-02"),
        ("year=2013/month=02/day=28/hour=07", "2013-02-28T07"), ("symbol=IBM", None), ("", None),
        ("year=__HIVE_DEFAULT_PARTITION__/month=02", None),
    ],
)  # fmt: skip
def test_a_partition_knows_the_time_it_covers(path: str, covers: str | None) -> None:
    found = Partition.parse(path).period
    assert (str(found) if found else None) == covers
