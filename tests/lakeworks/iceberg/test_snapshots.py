"""One snapshot a run: pyiceberg's own reader sees what readers by ledger see, after every act and at every killed step."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lakeworks.errors import LostRace
from lakeworks.lake import Lake
from lakeworks.ledger.run_numbers import RunRegister
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.maintenance.half_runs import finish_runs
from lakeworks.maintenance.verification import verify
from lakeworks.pipeline.iceberg_snapshots import IcebergSnapshots
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from tests.lakeworks.iceberg.orders import Killed, Orders, row

FIRST = [row(1, 1), row(2, 1, "south"), row(3, 2), row(4, 3, None)]
SECOND = [row(1, 1, amount="9.99"), row(2, 1, "south", "2.00"), row(3, 2, amount="7.00"), row(5, 4)]


@pytest.fixture
def orders(lake: Lake, moto_url: str) -> Orders:
    return Orders(lake, moto_url)


def differences(orders: Orders, **how: Any) -> list[tuple[str, bool]]:
    return [(item.kind, item.repaired) for item in compare_catalog(orders.lake, orders.wanted, **how)]


def test_a_run_is_one_snapshot_and_the_one_before_still_shows_its_rows(orders: Orders) -> None:
    orders.publish(FIRST)
    before = orders.iceberg().current_snapshot()
    assert orders.by_iceberg() == orders.by_ledger() == sorted(FIRST, key=repr)
    orders.publish(SECOND)
    assert orders.by_iceberg() == orders.by_ledger() != sorted(FIRST, key=repr)
    assert before is not None
    assert orders.by_iceberg(before.snapshot_id) == sorted(FIRST, key=repr)
    table = orders.iceberg()
    assert [item.summary["lakeworks.reason"] for item in table.snapshots() if item.summary] == [
        "publish run-1",
        "publish run-2",
    ]
    assert table.inspect.snapshots()["operation"].to_pylist() == ["append", "overwrite"]
    assert differences(orders) == []
    assert verify(orders.lake, orders.wanted, deep=True) == []


def test_filters_open_only_the_files_of_their_partitions(orders: Orders) -> None:
    orders.publish(FIRST)
    plan = orders.iceberg().scan
    assert [
        len([*plan(row_filter=text).plan_files()]) for text in ("order_date = '2019-01-01'", "region = 'south'")
    ] == [2, 1]
    assert orders.by_iceberg(row_filter="region is null") == [row(4, 3, None)]


def test_a_confirmed_run_makes_no_snapshot(orders: Orders) -> None:
    orders.publish(FIRST)
    orders.publish(FIRST)
    assert len(orders.iceberg().snapshots()) == 1


def test_rollback_and_withdrawal_arrive_as_snapshots(orders: Orders) -> None:
    first = orders.publish(FIRST)
    orders.publish(SECOND)
    rollback(orders.lake, orders.wanted, first[0].parsed)
    assert row(1, 1) in orders.by_iceberg()
    assert orders.by_iceberg() == orders.by_ledger()
    withdraw(orders.lake, orders.wanted, first[1].parsed)
    assert row(2, 1, "south", "2.00") not in orders.by_iceberg()
    assert orders.by_iceberg() == orders.by_ledger()
    assert [item.summary["lakeworks.reason"].split("__")[0] for item in orders.iceberg().snapshots() if item.summary][
        2:
    ] == [
        "rollback rollback",
        "withdrawal withdraw",
    ]
    assert differences(orders) == []


def test_the_last_partition_withdrawn_leaves_a_table_without_rows(orders: Orders) -> None:
    (only,) = orders.publish([row(1, 1)])
    withdraw(orders.lake, orders.wanted, only.parsed)
    assert orders.by_iceberg() == []
    orders.publish([row(1, 1)])
    assert orders.by_iceberg() == [row(1, 1)]


@pytest.mark.parametrize("step", ["reserve", "place", "placed", "register", "surplus", "complete", "number", "visible"])
def test_killed_at_any_step_readers_see_a_whole_run_and_repair_closes_the_drift(orders: Orders, step: str) -> None:
    orders.publish(FIRST)
    with pytest.raises(Killed):
        orders.publish(SECOND, die_at=step)
    assert orders.by_iceberg() == sorted(FIRST, key=repr)
    drift = {kind for kind, _ in differences(orders)} & {"Iceberg behind ledger"}
    assert drift == ({"Iceberg behind ledger"} if step == "visible" else set()), "only between ledger and snapshot"
    for partition in orders.lake.ledger.numbers(orders.wanted.table):
        orders.publisher().recover(orders.wanted.table, partition)
    finish_runs(orders.lake, orders.wanted, timedelta(0))
    assert all(repaired for _, repaired in differences(orders, repair=True))
    assert orders.by_iceberg() == orders.by_ledger()
    assert differences(orders) == []


def test_a_half_run_is_hidden_until_it_is_given_up(orders: Orders) -> None:
    orders.publish(FIRST)
    with pytest.raises(Killed):
        orders.publish(SECOND, die_at="number")
    snapshots = IcebergSnapshots(orders.lake, orders.wanted)
    numbers = orders.lake.ledger.numbers(orders.wanted.table)
    newest = [orders.lake.ledger.newest(orders.wanted.table, part) for part in numbers]
    assert snapshots.repair() == snapshots.show([item.entry for item in newest if item]) == []
    assert orders.by_iceberg() == sorted(FIRST, key=repr)
    (ticket,) = snapshots.lake.with_whole_runs([orders.wanted.table]).run_numbers[orders.wanted.table].open
    RunRegister(orders.lake.store).give_up(orders.wanted.table, ticket.number)
    assert len(snapshots.repair()) == 4
    assert orders.by_iceberg() == orders.by_ledger() != sorted(FIRST, key=repr)


def test_the_next_run_of_a_partition_closes_its_drift(orders: Orders) -> None:
    with pytest.raises(Killed):
        orders.publish(FIRST, die_at="visible")
    orders.publish(FIRST)
    assert orders.by_iceberg() == orders.by_ledger() == sorted(FIRST, key=repr)


def test_verify_leaves_a_publication_under_way_alone(orders: Orders) -> None:
    with pytest.raises(Killed):
        orders.publish(FIRST, die_at="visible")
    orders.publish(SECOND)
    with pytest.raises(Killed):
        orders.publish([row(1, 1, amount="3.00")], die_at="visible")
    assert verify(orders.lake, orders.wanted) == []
    assert [item.kind for item in verify(orders.lake, orders.wanted, patience=timedelta(0))] == [
        "Iceberg behind ledger"
    ]


def test_a_slow_process_does_not_put_an_earlier_state_back(orders: Orders, ministack_url: str) -> None:
    """It has read pointer and ledger, sleeps, and another run makes its snapshot. moto does not enforce the condition."""
    from tests.conftest import client, new_store

    glue = client("glue", ministack_url)
    for database in glue.get_databases()["DatabaseList"]:
        glue.delete_database(Name=database["Name"])
    lake = replace(orders.lake, store=new_store(ministack_url), catalog=replace(orders.lake.catalog, client=glue))
    there = Orders(lake, ministack_url)
    there.publish(FIRST)
    snapshots = IcebergSnapshots(there.lake, there.wanted)
    looked: list[int] = []

    def then_another_runs(asked: Any) -> Any:
        entries = snapshots.visible(asked)
        if not looked:
            looked.append(1)
            there.publish(SECOND)
        return entries

    assert snapshots.table.follow(list(there.lake.ledger.numbers(there.wanted.table)), then_another_runs, "slow") == []
    assert there.by_iceberg() == there.by_ledger() == sorted([*SECOND, row(4, 3, None)], key=repr)
    there.publish([row(9, 9)])
    stale = snapshots.table.current()
    there.publish([row(9, 9, amount="2.00")])
    assert stale is not None
    with pytest.raises(LostRace):
        snapshots.table._swap(stale, ())
    assert there.by_iceberg() == there.by_ledger()
