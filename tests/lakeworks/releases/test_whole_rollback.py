"""Rollback of a release over several tables: upstream tables first, and nothing of it is stale afterwards."""

from pathlib import Path

import pytest

from lakeworks.contract import load_contract
from lakeworks.lake import Lake
from lakeworks.releases.creation import ReleaseRequest, create_release
from lakeworks.releases.release import Release
from lakeworks.releases.whole_rollback import plan_release_rollback, roll_back_release
from lakeworks.status.partition_index import PartitionIndex
from tests.support.memory_s3 import memory_lake
from tests.support.shop_project import DAYS, ORDERS, REVENUE, Shop, write_shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("LAKE_PROJECT", str(tmp_path / "project"))
    (tmp_path / "project").mkdir()
    made = Shop(memory_lake(tmp_path), write_shop(tmp_path / "project"))
    made.fill()
    return made


def doubled_after_release(shop: Shop) -> Release:
    release = create_release(shop.lake, shop.contracts(), ReleaseRequest("close"))
    shop.double()
    shop.build_all()
    return release


def stale(lake: Lake, table: str) -> list[str]:
    """The partitions whose recorded inputs are not those that are live."""
    facts, contract = PartitionIndex(lake), load_contract(table)
    periods = {str(day): day for day in DAYS}
    known = facts.published(contract).items()
    return [part.path for part, item in known if item.inputs != facts.fingerprint(contract, periods[item.period])]


def test_no_table_of_the_release_is_stale_after_its_rollback(shop: Shop) -> None:
    then = shop.revenue()
    release = doubled_after_release(shop)
    steps = plan_release_rollback(shop.lake, release)
    assert [step.change.table for step in steps] == [ORDERS] * 3 + [REVENUE] * 3, "upstream tables first"
    list(roll_back_release(shop.lake, steps))
    assert shop.revenue() == then
    assert stale(shop.lake, ORDERS) == stale(shop.lake, REVENUE) == []


def test_a_killed_rollback_that_is_repeated_leaves_nothing_stale(shop: Shop) -> None:
    release = doubled_after_release(shop)
    begun = roll_back_release(shop.lake, plan_release_rollback(shop.lake, release))
    for _ in range(4):  # the process dies within the second table
        next(begun)
    list(roll_back_release(shop.lake, plan_release_rollback(shop.lake, release)))
    assert stale(shop.lake, REVENUE) == []


def test_a_table_alone_stays_stale_over_inputs_that_did_not_come_back(shop: Shop) -> None:
    release = doubled_after_release(shop)
    list(roll_back_release(shop.lake, plan_release_rollback(shop.lake, release, [REVENUE])))
    assert len(stale(shop.lake, REVENUE)) == len(DAYS)


def test_a_lost_run_record_stops_no_rollback(shop: Shop) -> None:
    then, release = shop.revenue(), doubled_after_release(shop)
    for entry in release.entries:
        if entry.table == REVENUE:
            shop.lake.store.delete([entry.run_record])
    list(roll_back_release(shop.lake, plan_release_rollback(shop.lake, release)))
    assert shop.revenue() == then
    assert len(stale(shop.lake, REVENUE)) == len(DAYS), "its inputs are those that were recorded"
