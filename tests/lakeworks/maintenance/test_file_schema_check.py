"""`verify --deep` reads what live files hold, and tells where Glue says something else of it."""

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from lakeworks.contract import Contract, load_contract
from lakeworks.core.partition import Partition, Period
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.maintenance.file_schema_check import CatalogColumns
from lakeworks.maintenance.verification import repair, verify
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish as published
from lakeworks.pipeline.write_step import write
from lakeworks.sources import open_source
from tests.lakeworks.catalog.test_readers import AFTER, evolved, publish, row, table

__all__ = ["evolved"]
RunAt = Callable[..., Run]
FIRST = "silver/test/trips/zone=C/year=2026/month=01/day=01/part-00000.parquet"
CONTRADICTS = "file contradicts catalog"


def told(lake: Lake, contract: Contract = AFTER) -> dict[str, list[str]]:
    """What a deep verification finds, by kind."""
    found: dict[str, list[str]] = {}
    for item in verify(lake, contract, deep=True):
        found.setdefault(item.kind, []).append(f"{item.partition}: {item.detail}")
    return found


def retype(lake: Lake, column: str, kind: str, *, partition: list[str] | None = None) -> None:
    """Another tool writes another type into Glue: into the table, or into one partition."""
    glue, name = lake.catalog.client, AFTER.table
    place = {"DatabaseName": name.database}

    def bent(descriptor: dict[str, Any]) -> dict[str, Any]:
        columns = [{**item, "Type": kind} if item["Name"] == column else item for item in descriptor["Columns"]]
        return {**descriptor, "Columns": columns}

    if partition is None:
        found = lake.catalog.table(name) or {}
        kept = {key: found[key] for key in ("Name", "TableType", "Parameters", "PartitionKeys", "Description")}
        glue.update_table(**place, TableInput={**kept, "StorageDescriptor": bent(found["StorageDescriptor"])})
        return
    held = glue.get_partition(**place, TableName=name.table, PartitionValues=partition)["Partition"]
    kept = {key: held[key] for key in ("Values", "Parameters")}
    changed = {**kept, "StorageDescriptor": bent(held["StorageDescriptor"])}
    glue.update_partition(**place, TableName=name.table, PartitionValueList=partition, PartitionInput=changed)


def test_narrower_older_partitions_are_no_contradiction(evolved: Lake) -> None:
    """The fixture widens int to bigint and float to double, and adds a column that older files lack."""
    assert told(evolved) == {}


def test_a_partition_retyped_in_glue_is_reported_with_file_and_both_types(evolved: Lake) -> None:
    retype(evolved, "fare", "string", partition=["C", "2026", "01", "01"])
    found = told(evolved)
    assert sorted(found) == [CONTRADICTS, "wrong in catalog"]
    (line,) = found[CONTRADICTS]
    assert f"`{FIRST}`: column fare is float, the Glue partition says string" in line
    assert "lakeworks catalog repair silver.test.trips" in line
    list(compare_catalog(evolved, AFTER, repair=True))
    assert told(evolved) == {}, "the advice is right"


def test_a_table_retyped_in_glue_is_reported_for_every_file_that_does_not_fit(evolved: Lake) -> None:
    retype(evolved, "trips", "int")  # the older files hold int; the newer ones bigint
    lines = told(evolved)[CONTRADICTS]
    assert ["day=02" in line for line in lines] == [True, True]
    assert all("column trips is bigint, the Glue table says int." in line for line in lines)


def test_files_of_a_contract_that_changed_its_types_are_reported_until_they_are_run_again(
    evolved: Lake, run_at: RunAt
) -> None:
    """A new major version may change a type: what was published before it stays, and nothing else would tell."""
    contract = table("2.0.0", trips="string", fare="double", tip="decimal(10,2)")
    publish(evolved, contract, [row("C", 2, trips="many", fare=0.2)], run_at(3))
    found = told(evolved, contract)
    assert list(found) == [CONTRADICTS]
    assert len(found[CONTRADICTS]) == 3, "every file but the one published by the new contract"
    assert all("the Glue table says string; " in line for line in found[CONTRADICTS]), "table and partition both say it"
    findings = verify(evolved, contract, deep=True)
    assert repair(evolved, contract, findings) == [], "a repair does not write rows again"
    publish(evolved, contract, [row("C", 1, trips="x"), row("A/B", 1, trips="x"), row("A/B", 2, trips="x")], run_at(4))
    assert told(evolved, contract) == {}


def test_an_object_replaced_by_one_of_another_schema_is_reported_by_column(evolved: Lake) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"TRIPS": ["one"], "fare": pa.array([1.0], pa.float32()), "zone": [7]}), sink)
    evolved.store.put(FIRST, sink.getvalue())
    found = told(evolved)
    assert sorted(found) == ["changed object", CONTRADICTS]
    (line,) = found[CONTRADICTS]
    assert "column trips is string, the Glue table says bigint; column trips is string, the Glue partition" in line
    assert "column fare" not in line
    assert "column zone" not in line, "a partition column comes from the path"


def test_without_a_catalog_only_that_is_reported(evolved: Lake) -> None:
    evolved.catalog.client.delete_table(DatabaseName="silver_test", Name="trips")
    assert list(told(evolved)) == ["table not in catalog"]


STRUCT = pa.struct([("Lat", pa.int32()), ("tags", pa.list_(pa.string()))])


@pytest.mark.parametrize(
    ("held", "glue", "says"),
    [
        (STRUCT, "struct<lat:int,tags:array<string>>", None),
        (STRUCT, "struct<lat:bigint,tags:array<string>,more:string>", None),
        (STRUCT, "struct<lat:int,tags:array<bigint>>", "is struct<Lat:int,tags:array<string>>"),
        (pa.timestamp("ns", tz="UTC"), "timestamp", None),
        (pa.timestamp("us"), "bigint", "is timestamp"),
        (pa.dictionary(pa.int32(), pa.string()), "string", None),
        (pa.decimal128(10, 2), "decimal(12,2)", None),
        (pa.decimal128(10, 2), "decimal(10,3)", "is decimal(10,2)"),
        (pa.time64("us"), "bigint", "is time64[us]"),
        (pa.string(), "varchar(10)", "is string"),
    ],
)
def test_types_are_compared_as_the_lake_writes_them(held: pa.DataType, glue: str, says: str | None) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.schema([("Seen", held)]).empty_table(), sink)
    found = CatalogColumns({"seen": glue}).contradictions(Partition(), sink.getvalue())
    assert found == ([f"column seen {says}, the Glue table says {glue}"] if says else [])


def test_a_column_that_arrived_and_is_gone_from_glue_is_reported() -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": [1], "Fee": [2.0], "old": ["x"]}), sink)
    catalog = CatalogColumns({"id": "bigint"}, lost=frozenset({"fee"}))
    assert catalog.contradictions(Partition(), sink.getvalue()) == [
        "column fee arrived and is not in the Glue table"
    ], "`old` left the contract: files keep it, and Glue need not list it"


def test_a_column_that_arrived_comes_back_as_the_advice_says(lake: Lake, run_at: RunAt, replay_url: str) -> None:
    bronze, month = load_contract("bronze.transport.yellow_trips"), Period.parse("2019-01")
    fault = {"match": "*2019-01*", "kind": "rename", "column": "extra", "to": "request_source"}
    requests.post(f"{replay_url}/_control/faults", json=fault, timeout=5)
    land(lake, bronze, month, run_at(1), open_source("nyc_tlc", replay_url))
    published(lake, audit(lake, write(lake, bronze.name, month, run_at(1)).key).key)
    assert told(lake, bronze) == {}
    place = {"DatabaseName": bronze.table.database}
    lake.catalog.client.delete_table(**place, Name=bronze.table.table)
    lake.catalog.upsert_table(bronze, lake.location(bronze))  # by a person who knows the contract alone
    list(compare_catalog(lake, bronze, repair=True))
    (line,) = told(lake, bronze)[CONTRADICTS]
    assert "column request_source arrived and is not in the Glue table" in line
    lake.catalog.client.delete_table(**place, Name=bronze.table.table)
    list(compare_catalog(lake, bronze, repair=True))
    assert told(lake, bronze) == {}
