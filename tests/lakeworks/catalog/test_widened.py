"""Widened columns, nested ones too: what was published before and what came after give the same rows to every reader we can run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.contract import Contract
from lakeworks.contract.evolution import changes
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.maintenance.verification import verify
from lakeworks.parquet.dataset import open_dataset
from tests.conftest import contract_of
from tests.lakeworks.catalog.test_readers import downloaded, publish, row

RunAt = Callable[..., Run]


def table(kind: str, version: str) -> Contract:
    kinds = {"zone": "string", "began_on": "date", "seen": kind}
    fields = {name: {"type": kind, "required": name != "seen", "description": name} for name, kind in kinds.items()}
    return contract_of(
        "silver.test.trips", version=version, columns=fields, grain=["zone", "began_on"], partition_by=["zone", "day(began_on)"],
    )  # fmt: skip


CASES = [
    ("int", "bigint", 1, 2**40, 1),
    ("int", "double", 1, 0.5, 1.0),
    ("struct<a:int>", "struct<a:bigint>", {"a": 1}, {"a": 2**40}, {"a": 1}),
    ("struct<a:int>", "struct<a:double,b:string>", {"a": 1}, {"a": 0.5, "b": "x"}, {"a": 1.0, "b": None}),
    ("list<int>", "list<bigint>", [1, 2], [2**40], [1, 2]),
    ("list<struct<a:int>>", "list<struct<a:bigint,b:string>>", [{"a": 1}], [{"a": 2**40, "b": "x"}], [{"a": 1, "b": None}]),
    ("map<string,int>", "map<string,bigint>", [("k", 1)], [("k", 2**40)], [("k", 1)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "first", "second", "read"), CASES, ids=[f"{case[0]} to {case[1]}" for case in CASES]
)
def test_old_and_new_partitions_are_read_as_the_new_type(
    lake: Lake, run_at: RunAt, tmp_path: Path, old: str, new: str, first: Any, second: Any, read: Any
) -> None:
    before, after = table(old, "1.0.0"), table(new, "1.1.0")
    assert [change.effect for change in changes(before, after)] == ["compatible"]
    publish(lake, before, [row("A", 1, seen=first)], run_at(1))
    publish(lake, after, [row("A", 2, seen=second)], run_at(2))
    live = lake.ledger.live_partitions(after.table)
    found = open_dataset(lake.store, after, live.values()).to_table().sort_by("began_on")
    assert found.schema.field("seen").type == after.columns["seen"].type.arrow
    assert found["seen"].to_pylist() == [read, second]
    assert list(compare_catalog(lake, after)) == [], "the older partition has the table's columns in Glue"
    assert verify(lake, after, deep=True) == []
    files = downloaded(lake, tmp_path) / "**/*.parquet"
    asked = "SELECT seen FROM read_parquet(?, hive_partitioning=true, hive_types_autocast=false, union_by_name=true) ORDER BY began_on"
    told = [value for (value,) in duckdb.execute(asked, [str(files)]).fetchall()]
    assert told == [dict(read), dict(second)] if "map" in old else told == [read, second]


@pytest.mark.parametrize(("old", "new", "first"), [("int", "double", 1), ("list<int>", "list<bigint>", [1, 2])])
def test_a_partition_that_runs_again_is_written_in_the_new_type_though_its_rows_are_the_same(
    lake: Lake, run_at: RunAt, old: str, new: str, first: Any
) -> None:
    """What `contract diff` advises for Athena helps: the same rows in another type are other content."""
    after = table(new, "1.1.0")
    publish(lake, table(old, "1.0.0"), [row("A", 1, seen=first)], run_at(1))
    publish(lake, after, [row("A", 1, seen=first)], run_at(2))
    (entry,) = lake.ledger.live_partitions(after.table).values()
    body = lake.store.get(entry.objects[0].key)[0]
    assert pq.read_schema(pa.BufferReader(body)).field("seen").type == after.columns["seen"].type.arrow
