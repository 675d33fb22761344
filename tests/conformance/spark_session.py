"""A local Spark, and what it is given to read: a table's live objects as files, and what Glue says of them.

Spark reads S3 through hadoop-aws, which is not on the package index; so the objects are copied byte for byte, under their own keys.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from lakeworks.contract import Contract
from lakeworks.engines.spark import find_spark, rows_in, rows_of, running_spark
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake

__all__ = ["by_duckdb", "configured", "downloaded", "register", "rows_in", "rows_of", "spark_or_skip"]


@contextmanager
def spark_or_skip(folder: Path) -> Iterator[Any]:
    """The library's Spark; skips the tests where there is none."""
    try:
        find_spark()
    except ConfigError as error:
        pytest.skip(f"{error} `make conformance` installs it.")
    with running_spark(folder) as session:
        yield session


@contextmanager
def configured(spark: Any, options: dict[str, str]) -> Iterator[None]:
    """Settings of the session for a while."""
    before = {name: spark.conf.get(name) for name in options}
    for name, value in options.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            spark.conf.set(name, value)


def downloaded(lake: Lake, contract: Contract, folder: Path) -> Path:
    """Every object below the layer's folder of the table, live or not, where a Hive reader looks for it."""
    for item in lake.store.scan(f"{contract.table.path}/"):
        path = folder / item.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lake.store.get(item.key)[0])
    return folder / contract.table.path


def register(spark: Any, lake: Lake, contract: Contract, folder: Path, name: str = "") -> str:
    """Create the table in Spark's catalog from what Glue says: columns, keys, and each partition's values and location."""
    found = lake.catalog.table(contract.table)
    assert found is not None
    name, keys = name or f"t{time.monotonic_ns()}", [item["Name"] for item in found["PartitionKeys"]]
    items = [*found["StorageDescriptor"]["Columns"], *found["PartitionKeys"]]
    columns = ", ".join(f"`{item['Name']}` {item['Type']}" for item in items)
    cut = f"PARTITIONED BY ({', '.join(f'`{key}`' for key in keys)})" if keys else ""

    def local(location: str) -> str:
        return quoted(str(folder / location.removeprefix(f"s3://{lake.store.bucket}/")))

    at = local(found["StorageDescriptor"]["Location"])
    spark.sql(f"CREATE TABLE {name} ({columns}) USING parquet {cut} LOCATION {at}")
    for item in lake.catalog.partitions(contract) if keys else ():
        spec = ", ".join(f"`{key}` = {quoted(value)}" for key, value in zip(keys, item["Values"], strict=True))
        spark.sql(f"ALTER TABLE {name} ADD PARTITION ({spec}) LOCATION {local(item['StorageDescriptor']['Location'])}")
    return name


def by_duckdb(folder: Path) -> pa.Table:
    """A table's folder as the docs say to read it with DuckDB."""
    options = "hive_partitioning=true, hive_types_autocast=false, union_by_name=true"
    return duckdb.execute(f"SELECT * FROM read_parquet(?, {options})", [f"{folder}/**/*.parquet"]).to_arrow_table()


def quoted(text: str) -> str:
    """A Spark string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
