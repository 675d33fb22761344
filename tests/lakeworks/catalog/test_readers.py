"""Every way to read a table gives the same rows: catalog or path, DuckDB or pyarrow, before and after its columns changed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs
import pytest

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.core.types import LakeType
from lakeworks.lake import Lake
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.parquet.dataset import open_dataset
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.pipeline.publish_step import entry_for
from lakeworks.pipeline.registration import Registrar
from tests.conftest import KEYS, contract_of

OLD = {"trips": "int", "fare": "float"}
NEW = {"trips": "bigint", "fare": "double", "tip": "decimal(10,2)"}


def table(version: str, **columns: str) -> Contract:
    kinds = {"zone": "string", "began_on": "date", **columns}
    fields = {n: {"type": k, "required": n in ("zone", "began_on"), "description": n} for n, k in kinds.items()}
    by = ["zone", "day(began_on)"]
    return contract_of(
        "silver.test.trips", version=version, columns=fields, grain=["zone", "began_on"], partition_by=by
    )


BEFORE, AFTER = table("1.0.0", **OLD), table("1.1.0", **NEW)


def publish(lake: Lake, contract: Contract, rows: list[dict[str, Any]], run: Run, of: str = "2026-01") -> None:
    """Rows through the product's own writer and publisher."""
    schema = pa.schema([(name, column.type.arrow) for name, column in contract.columns.items()])
    reader = pa.Table.from_pylist(rows, schema).to_reader()
    period = Period.parse(of)
    writer = PartitionedWriter(lake.store, contract, f"_staging/{contract.table.path}/{run.key}/", period, lake.scratch)
    staged = writer.write(reader)
    manifest = RunRecord(
        table=contract.name, period=str(period), run=run, contract_version=contract.version, schema_fingerprint="f",
        balance=RowBalance(read=len(rows), staged=len(rows)), partitions=tuple(staged), audit={"passed": True},
    )  # fmt: skip
    Publisher(lake.ledger, Registrar(lake, contract)).publish([entry_for(contract, manifest, item) for item in staged])


def row(zone: str, day: int, **values: Any) -> dict[str, Any]:
    return {"zone": zone, "began_on": datetime(2026, 1, day).date(), **values}


@pytest.fixture
def evolved(lake: Lake, run_at: Callable[..., Run]) -> Lake:
    """Two old partitions, then two of a contract with a column added and two widened."""
    publish(lake, BEFORE, [row("A/B", 1, trips=1, fare=2.5), row("C", 1, trips=2, fare=3.5)], run_at(1))
    later = [row("A/B", 2, trips=2**40, fare=0.1, tip="1.50"), row("C", 2, trips=3, fare=0.2, tip=None)]
    publish(lake, AFTER, [{**item, "tip": item["tip"] and Decimal(item["tip"])} for item in later], run_at(2))
    return lake


def from_catalog(lake: Lake, url: str) -> pa.Table:
    """As Athena reads: each partition by its own Location and columns, which must be the table's."""
    found = lake.catalog.table(AFTER.table)
    assert found is not None
    columns = [
        (column["Name"], LakeType.parse(column["Type"]).arrow) for column in found["StorageDescriptor"]["Columns"]
    ]
    tables = []
    for item in lake.catalog.partitions(AFTER):
        descriptor = item["StorageDescriptor"]
        assert [(c["Name"], LakeType.parse(c["Type"]).arrow) for c in descriptor["Columns"]] == columns
        place = descriptor["Location"].removeprefix("s3://")
        part = ds.dataset(place, schema=pa.schema(columns), format="parquet", filesystem=s3(url)).to_table()
        keys = dict(zip([key["Name"] for key in found["PartitionKeys"]], item["Values"], strict=True))
        tables.append(part.append_column("zone", pa.array([keys["zone"]] * len(part))))
    return ordered(pa.concat_tables(tables))


def from_path(lake: Lake, url: str) -> pa.Table:
    """As a Hive reader finds it below the table's folder."""
    keys = pa.schema([(key, pa.string()) for key in AFTER.partition_keys])
    schema = pa.unify_schemas([AFTER.arrow_schema, keys])
    folder = f"{lake.store.bucket}/{AFTER.table.path}"
    hive = ds.partitioning(keys, flavor="hive")
    return ordered(
        ds.dataset(folder, schema=schema, format="parquet", partitioning=hive, filesystem=s3(url)).to_table()
    )


def ordered(found: pa.Table) -> pa.Table:
    names = ["zone", "began_on", "trips", "fare", "tip"]
    return duckdb.sql(f"SELECT {', '.join(names)} FROM found ORDER BY 1, 2").to_arrow_table()


def s3(url: str) -> pyarrow.fs.S3FileSystem:
    return pyarrow.fs.S3FileSystem(
        access_key=KEYS["aws_access_key_id"], secret_key=KEYS["aws_secret_access_key"], region="us-east-1",
        endpoint_override=url.removeprefix("http://"), scheme="http",
    )  # fmt: skip


def test_catalog_path_and_our_own_reader_agree_over_old_and_new_partitions(evolved: Lake, moto_url: str) -> None:
    catalog, path = from_catalog(evolved, moto_url), from_path(evolved, moto_url)
    live = evolved.ledger.live_partitions(AFTER.table)
    ours = ordered(open_dataset(evolved.store, AFTER, live.values()).to_table())
    assert catalog.to_pylist() == path.to_pylist() == ours.to_pylist()
    assert [(r["zone"], r["trips"], r["fare"], str(r["tip"])) for r in catalog.to_pylist()] == [
        ("A/B", 1, 2.5, "None"), ("A/B", 2**40, 0.1, "1.50"), ("C", 2, 3.5, "None"), ("C", 3, 0.2, "None"),
    ]  # fmt: skip
    assert list(compare_catalog(evolved, AFTER)) == []


def downloaded(lake: Lake, folder: Path) -> Path:
    for item in lake.store.scan(f"{AFTER.table.path}/"):
        path = folder / item.key.removeprefix(f"{AFTER.table.path}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lake.store.get(item.key)[0])
    return folder


def test_duckdb_by_path_agrees_if_it_reads_the_schema_of_every_file(
    evolved: Lake, moto_url: str, tmp_path: Path
) -> None:
    """By itself it takes the columns of the first file, and does not find those that came later."""
    files = downloaded(evolved, tmp_path) / "**/*.parquet"
    options = "hive_partitioning=true, hive_types_autocast=false"
    asked = f"SELECT zone, began_on, trips, fare, tip FROM read_parquet(?, {options}{{}}) ORDER BY 1, 2"
    found = duckdb.execute(asked.format(", union_by_name=true"), [str(files)]).fetchall()
    assert found == [tuple(item.values()) for item in from_catalog(evolved, moto_url).to_pylist()]
    with pytest.raises(duckdb.BinderException, match="tip"):
        duckdb.execute(asked.format(""), [str(files)])


def test_an_interrupted_change_of_columns_is_finished_by_a_repair(evolved: Lake, moto_url: str) -> None:
    """A writer died after changing the table and before its partitions followed."""
    evolved.catalog.upsert_table(BEFORE, evolved.location(BEFORE))
    silent = replace(evolved.catalog, client=_WithoutAlignment(evolved.catalog.client))
    silent.upsert_table(AFTER, evolved.location(AFTER))
    told = list(compare_catalog(evolved, AFTER))
    assert {item.kind for item in told} == {"wrong in catalog"}
    assert all("column trips is int, not bigint" in item.detail for item in told)
    assert all(item.repaired for item in compare_catalog(evolved, AFTER, repair=True))
    assert from_catalog(evolved, moto_url).equals(from_path(evolved, moto_url))
    first = Partition.parse("zone=A%2FB/year=2026/month=01/day=01")
    assert first in evolved.ledger.live_partitions(AFTER.table)


class _WithoutAlignment:
    """A Glue client whose partitions cannot be listed."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def get_partitions(self, **_: Any) -> Any:
        return {"Partitions": []}
