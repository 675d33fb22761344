"""Garbage collection: no snapshot names an object that is gone, and what nothing names goes."""

from datetime import timedelta
from typing import Any

import pytest
from pyiceberg.table import Table

from lakeworks.core.layout import iceberg_prefix
from lakeworks.lake import Lake
from lakeworks.maintenance.compaction import compact
from lakeworks.maintenance.garbage_collection import collect
from lakeworks.publications.rollbacks import rollback
from tests.lakeworks.iceberg.orders import Killed, Orders, contract, row


@pytest.fixture
def orders(lake: Lake, moto_url: str) -> Orders:
    return Orders(lake, moto_url)


def gc(orders: Orders, **how: Any) -> dict[str, int]:
    found = collect(orders.lake, [orders.wanted], **{"dry_run": False, "older_than": timedelta(0), **how})
    return {item.kind: sum(1 for other in found if other.kind == item.kind) for item in found if item.kind != "staging"}


def readable(orders: Orders, table: Table) -> list[int]:
    return [len(orders.by_iceberg(item.snapshot_id)) for item in table.snapshots()]


def test_snapshots_that_name_collected_objects_go_first(orders: Orders) -> None:
    orders.publish([row(1, 1), row(2, 2)])
    orders.publish([row(3, 3)])
    orders.publish([row(1, 1, amount="9.00")])
    orders.publish([row(4, 4)])
    assert readable(orders, orders.iceberg()) == [2, 3, 3, 4]
    assert gc(orders, dry_run=True)["superseded version"] == 1
    assert len(orders.iceberg().snapshots()) == 4, "a dry run expires nothing"
    assert gc(orders)["superseded version"] == 1
    assert readable(orders, orders.iceberg()) == [3, 4], "the others named the object that is gone"
    assert orders.by_iceberg() == orders.by_ledger()


def test_within_the_grace_period_every_snapshot_can_be_read(orders: Orders) -> None:
    orders.publish([row(1, 1)])
    orders.publish([row(1, 1, amount="9.00")])
    assert gc(orders, older_than=timedelta(hours=24)) == {}
    assert readable(orders, orders.iceberg()) == [1, 1]


def test_a_current_snapshot_behind_the_ledger_keeps_its_objects(orders: Orders) -> None:
    orders.publish([row(1, 1)])
    with pytest.raises(Killed):
        orders.publish([row(1, 1, amount="9.00")], die_at="visible")
    assert "superseded version" not in gc(orders)
    assert orders.by_iceberg() == [row(1, 1)]
    orders.publish([row(1, 1, amount="9.00")])
    assert gc(orders)["superseded version"] == 1
    assert orders.by_iceberg() == orders.by_ledger() == [row(1, 1, amount="9.00")]


def test_metadata_that_nothing_names_is_collected(orders: Orders) -> None:
    for number in range(1, 5):
        orders.publish([row(1, 1, amount=f"{number}.00")])
    orders.lake.store.put(f"{iceberg_prefix(orders.wanted.table)}metadata/left-by-a-killed-commit.avro", b"x")
    assert gc(orders, older_than=timedelta(hours=1)) == {}
    assert gc(orders)["Iceberg metadata"] > 3
    assert gc(orders) == {}
    assert orders.by_iceberg() == orders.by_ledger()
    orders.publish([row(2, 2)])
    assert orders.by_iceberg() == orders.by_ledger()


def test_compaction_arrives_and_a_rollback_after_collection_too(orders: Orders) -> None:
    orders.wanted = contract(storage={"layout": "versioned", "target_bytes": 1, "row_group_rows": 1})
    first = orders.publish([row(number, 1) for number in range(4)])
    assert len([*orders.iceberg().scan().plan_files()]) == 2
    orders.wanted = contract()
    compact(orders.lake, orders.wanted, first[0].parsed)
    assert len([*orders.iceberg().scan().plan_files()]) == 1
    assert orders.by_iceberg() == orders.by_ledger()
    gc(orders)
    rollback(orders.lake, orders.wanted, first[0].parsed, to=1)
    assert len([*orders.iceberg().scan().plan_files()]) == 2
    assert orders.by_iceberg() == orders.by_ledger()
