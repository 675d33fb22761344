"""The Iceberg schema follows the contract; what Iceberg's readers cannot follow is refused before anything is published."""

from typing import Any

import pytest

from lakeworks.core.partition import Partition, Period
from lakeworks.errors import ConfigError, SchemaDrift
from lakeworks.iceberg.partition_values import partition_record, partition_spec, path_keys
from lakeworks.iceberg.schema import table_schema
from lakeworks.lake import Lake
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.pipeline.iceberg_snapshots import IcebergSnapshots
from tests.conftest import contract_of
from tests.lakeworks.iceberg.orders import COLUMNS, Orders, contract, day, row


def columns(**changes: Any) -> dict[str, Any]:
    return {**{name: dict(item) for name, item in COLUMNS.items()}, **changes}


@pytest.fixture
def orders(lake: Lake, moto_url: str) -> Orders:
    return Orders(lake, moto_url)


def test_the_plain_layout_is_refused_with_the_reason() -> None:
    with pytest.raises(
        ValueError, match=r"catalog.iceberg needs `storage.layout: versioned`.*snapshot would show the new rows"
    ):
        contract(storage={"layout": "plain"})


def test_columns_that_no_contract_has_are_refused_with_the_reason() -> None:
    with pytest.raises(
        ValueError, match=r"catalog.iceberg needs `schema_policy: freeze`.*cannot be read by Iceberg's readers"
    ):
        contract(schema_policy="add_nullable")


def test_added_and_widened_columns_arrive_and_old_snapshots_keep_their_types(orders: Orders) -> None:
    orders.wanted = contract(columns=columns(pieces={"type": "int", "description": "count"}))
    orders.publish([(1, day(1), "north", row(1, 1)[3], 7)])
    orders.wanted = contract(
        columns=columns(
            amount={"type": "decimal(20,2)", "description": "wider"},
            pieces={"type": "bigint", "description": "wider"},
            note={"type": "string", "description": "new"},
        )
    )
    orders.publish([(2, day(2), "north", row(1, 1)[3], 1 << 40, "hello")])
    expected = [(1, day(1), "north", row(1, 1)[3], 7, None), (2, day(2), "north", row(1, 1)[3], 1 << 40, "hello")]
    assert orders.by_iceberg() == orders.by_ledger() == expected
    table = orders.iceberg()
    assert [str(field.field_type) for field in table.schema().fields] == [
        "long",
        "date",
        "string",
        "decimal(20, 2)",
        "long",
        "string",
    ]
    assert [field.field_id for field in table.schema().fields] == [1, 2, 3, 4, 5, 6]
    first = table.snapshots()[0].snapshot_id
    assert orders.by_iceberg(first) == [(1, day(1), "north", row(1, 1)[3], 7)]
    assert [*compare_catalog(orders.lake, orders.wanted)] == []


def test_the_id_of_a_removed_column_does_not_come_back(orders: Orders) -> None:
    orders.wanted = contract(columns=columns(note={"type": "string", "description": "old"}))
    orders.publish([(*row(1, 1), "old")])
    orders.wanted = contract()
    orders.publish([row(2, 2)])
    orders.wanted = contract(columns=columns(count={"type": "bigint", "description": "new"}))
    orders.publish([(*row(3, 3), 5)])
    assert [(field.name, field.field_id) for field in orders.iceberg().schema().fields][-1] == ("count", 6)
    assert orders.by_iceberg() == orders.by_ledger()


def test_a_description_alone_is_a_difference_that_repair_closes(orders: Orders) -> None:
    orders.publish([row(1, 1)])
    orders.wanted = contract(columns=columns(amount={"type": "decimal(12,2)", "description": "in dollars"}))
    kinds = [item.kind for item in compare_catalog(orders.lake, orders.wanted, repair=True)]
    assert "Iceberg behind contract" in kinds
    assert orders.iceberg().schema().find_field("amount").doc == "in dollars"
    assert [*compare_catalog(orders.lake, orders.wanted)] == []


def test_a_type_that_iceberg_does_not_promote_is_refused(orders: Orders) -> None:
    orders.wanted = contract(columns=columns(pieces={"type": "int", "description": "count"}))
    orders.publish([(*row(1, 1), 7)])
    orders.wanted = contract(columns=columns(pieces={"type": "double", "description": "count"}))
    with pytest.raises(SchemaDrift, match=r"`pieces` was int and is double now.*Nothing was published"):
        IcebergSnapshots(orders.lake, orders.wanted).check()
    kinds = [(item.kind, item.repaired) for item in compare_catalog(orders.lake, orders.wanted, repair=True)]
    assert ("Iceberg cannot follow", False) in kinds


def test_other_partitions_and_anothers_table_are_left_to_a_person(orders: Orders) -> None:
    orders.publish([row(1, 1)])
    orders.wanted = contract(partition_by=["day(order_date)"])
    with pytest.raises(ConfigError, match=r"partitioned by order_date_day, region, the contract by day\(order_date\)"):
        IcebergSnapshots(orders.lake, orders.wanted).check()
    glue, orders.wanted = orders.lake.catalog.client, contract()
    glue.update_table(
        DatabaseName="gold_shop", TableInput={"Name": "orders_iceberg", "Parameters": {"table_type": "HUDI"}}
    )
    with pytest.raises(ConfigError, match=r"is not the Iceberg table of lakeworks.*It was not changed"):
        IcebergSnapshots(orders.lake, orders.wanted).check()


def test_a_contract_without_snapshots_any_more_is_told_of_the_table_that_is_left(orders: Orders) -> None:
    orders.publish([row(1, 1)])
    orders.wanted = contract(catalog={})
    assert [item.kind for item in compare_catalog(orders.lake, orders.wanted, repair=True)] == ["Iceberg table left"]


def test_a_table_cut_by_the_runs_month_has_its_path_keys_as_columns(orders: Orders) -> None:
    orders.wanted = contract(partition_by=["month"])
    orders.publish([row(1, 1)])
    orders.publish([row(2, 5)], period=Period.parse("2019-02"))
    seen = orders.iceberg().scan(row_filter="month = '02'").to_arrow().to_pylist()
    assert [(item["order_id"], item["year"], item["month"]) for item in seen] == [(2, "2019", "02")]
    assert orders.by_iceberg() == orders.by_ledger()


ID = {"type": "bigint", "required": True, "description": ""}
KINDS = {
    "whole": ("int", "-7", -7), "exact": ("decimal(8,3)", "1.50", "1.500"), "on": ("date", "1969-12-31", -1),
    "at": ("timestamp", "1970-01-01 00:00:01.000002", 1_000_002), "flag": ("boolean", "True", True),
    "ratio": ("double", "0.5", 0.5), "word": ("string", "a/b ü", "a/b ü"),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_a_paths_text_becomes_the_columns_value(name: str) -> None:
    kind, text, value = KINDS[name]
    cut = contract_of(
        columns={"id": ID, name: {"type": kind, "description": ""}},
        partition_by=[name],
    )
    (made,) = [partition_record(cut, Partition(((name, text),)))[0]]
    assert (str(made) if name == "exact" else made) == value
    assert partition_record(cut, Partition(((name, None),)))[0] is None


@pytest.mark.parametrize(("field", "path", "value"), [
    ("month(at)", "year=1969/month=12", [-1]), ("day(at)", "year=1970/month=01/day=02", [1]),
    ("hour(at)", "year=1970/month=01/day=02/hour=03", [27]), ("day", "year=2019/month=01/day=05", ["2019", "01", "05"]),
    ("hour(on)", "year=2019/month=01/day=05/hour=00", ["2019", "01", "05", "00"]),
])  # fmt: skip
def test_times_of_columns_are_transforms_and_other_times_are_text(field: str, path: str, value: list[Any]) -> None:
    kinds = {"at": "timestamp", "on": "date"}
    cut = contract_of(
        columns={"id": ID, **{name: {"type": kind, "description": ""} for name, kind in kinds.items()}},
        partition_by=[field],
    )
    record = partition_record(cut, Partition.parse(path))
    spec = partition_spec(cut, table_schema(cut, path_keys(cut)))
    assert [record[i] for i in range(len(value))] == value
    assert len(spec.fields) == len(value)


def test_nested_types_keep_the_ids_of_their_members() -> None:
    def of(kind: str) -> Any:
        return contract_of(columns={"id": ID, "x": {"type": kind, "description": ""}})

    before = table_schema(of("struct<a:int,b:list<string>,c:map<string,float>>"))
    after = table_schema(
        of("struct<a:bigint,b:list<string>,c:map<string,double>,d:date>"), (), before, before.highest_field_id
    )
    names = ("x", "x.a", "x.b", "x.b.element", "x.c", "x.c.key", "x.c.value")
    assert [after.find_field(name).field_id for name in names] == [before.find_field(name).field_id for name in names]
    assert after.find_field("x.d").field_id == before.highest_field_id + 1
