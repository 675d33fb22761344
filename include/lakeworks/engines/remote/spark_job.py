"""Spark's entry point: builds one transform from a job order, and says what it wrote.

The same file runs on this machine, on EMR Serverless, as a Glue job and on Kubernetes. It imports nothing of lakeworks,
because those images do not have it. `--order` names a JSON file (job_order.py) on any file system that Spark knows.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
from typing import Any

# Rows have to be the lake's: UTC, microseconds, and an error instead of a null where a value does not fit its type.
SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.binaryAsString": "false",
}
# A job commits once, by renaming; nothing but data files lies in its folder.
HADOOP = {
    "mapreduce.fileoutputcommitter.algorithm.version": "1",
    "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    "parquet.enable.summary-metadata": "false",
}
# Faults of the text or of a value: the same job would end the same way.
LASTING = (
    "AnalysisException", "ParseException", "CAST_INVALID_INPUT", "CAST_OVERFLOW", "ARITHMETIC_OVERFLOW", "DIVIDE_BY_ZERO",
    "NUMERIC_VALUE_OUT_OF_RANGE", "INVALID_ARRAY_INDEX", "DATATYPE_MISMATCH", "CANNOT_PARSE_TIMESTAMP", "CANNOT_MERGE_SCHEMAS",
)  # fmt: skip
TWICE = "PATH_ALREADY_EXISTS"
PY4J = "An error occurred while calling "


def main(arguments: list[str] | None = None) -> None:
    """Build what the order says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--order", required=True, help="Address of the job order, a JSON file.")
    parser.add_argument("--ends-with-input", action="store_true", help="End when standard input is closed.")
    options, _ = parser.parse_known_args(arguments)  # Glue adds arguments of its own
    if options.ends_with_input:
        threading.Thread(target=end_with_input, daemon=True).start()
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.appName("lakeworks").getOrCreate()
    for name, value in SESSION.items():
        spark.conf.set(name, value)
    for name, value in HADOOP.items():
        spark._jsc.hadoopConfiguration().set(name, value)
    order = json.loads(read_text(spark, options.order))
    try:
        result = build(spark, order)
    except Exception as error:
        write_text(spark, order["result"], json.dumps({"error": fault(error)}))
        raise
    write_text(spark, order["result"], json.dumps(result))
    spark.stop()


def end_with_input() -> None:
    """End this process when the one that started it is gone."""
    while os.read(0, 1024):  # not sys.stdin, whose lock would hold up a regular end
        pass
    os._exit(1)


def build(spark: Any, order: dict[str, Any]) -> dict[str, Any]:
    """Write the rows of the order's SQL into a folder that must not exist. Return files and row count."""
    from pyspark.sql import Observation
    from pyspark.sql.functions import count, lit

    for table in order["inputs"]:
        relation(spark, table).createOrReplaceTempView(table["view"])
    seen = Observation("built")
    rows = spark.sql(order["sql"]).observe(seen, count(lit(1)).alias("rows"))
    rows.write.mode("errorifexists").parquet(order["output"])
    return {"rows": seen.get["rows"], "files": files(spark, order["output"]), "engine": f"spark {spark.version}"}


def relation(spark: Any, table: dict[str, Any]) -> Any:
    """Return an input with the contract's columns and types.

    Each group of files has one schema and one set of path values. Its columns are cast, because Spark 3 does not read files
    that have a narrower type than the table.
    """
    from pyspark.sql.functions import col, lit

    columns = table["columns"]
    whole = None
    for group in table["groups"]:
        frame = spark.read.option("mergeSchema", "true").parquet(*group["files"])
        stored = {name.lower(): name for name in frame.columns}

        def column(name: str, kind: str, stored: dict[str, str] = stored, values: Any = group["values"]) -> Any:
            if name in values:
                return lit(values[name]).cast(kind).alias(name)
            value = col(f"`{stored[name.lower()]}`") if name.lower() in stored else lit(None)
            return value.cast(kind).alias(name)

        part = frame.select(*(column(name, kind) for name, kind in columns.items()))
        whole = part if whole is None else whole.unionAll(part)
    if whole is not None:
        return whole
    return spark.createDataFrame([], ", ".join(f"`{name}` {kind}" for name, kind in columns.items()))


def files(spark: Any, folder: str) -> list[dict[str, Any]]:
    """Return name and size of each file that the job committed."""
    system, path = file_system(spark, folder)
    listed = [(item.getPath().getName(), item.getLen()) for item in system.listStatus(path)]
    return [{"name": name, "size": size} for name, size in sorted(listed) if name.startswith("part-")]


def read_text(spark: Any, address: str) -> str:
    """Return a small file's text. The driver reads it, so that a lost executor is a fault of the build."""
    system, path = file_system(spark, address)
    stream = system.open(path)
    try:
        return str(spark._jvm.java.util.Scanner(stream, "UTF-8").useDelimiter("\\A").next())
    finally:
        stream.close()


def write_text(spark: Any, address: str, text: str) -> None:
    """Write a small file."""
    system, path = file_system(spark, address)
    stream = system.create(path, True)
    stream.write(bytearray(text.encode()))
    stream.close()


def file_system(spark: Any, address: str) -> tuple[Any, Any]:
    """Return Hadoop's file system of an address, and the path in it."""
    path = spark._jvm.org.apache.hadoop.fs.Path(address)
    return path.getFileSystem(spark._jsc.hadoopConfiguration()), path


def fault(error: Exception) -> dict[str, str]:
    """Return an error's kind, and the line that says what happened: py4j's own first line only names a call."""
    text = f"{type(error).__name__}: {error}"
    kind = "twice" if TWICE in text else "lasting" if any(word in text for word in LASTING) else "passing"
    return {"kind": kind, "message": " ".join(telling_line(text).split())[:500]}


def telling_line(text: str) -> str:
    """Return the line that names a lasting fault, else the first that says more than that a call failed."""
    lines = [line.strip().removeprefix("Caused by: ").removeprefix(": ") for line in text.strip().splitlines()]
    lines = [line for line in lines if line and not line.startswith(("at ", "..."))]
    naming = [line for line in lines if any(word in line for word in LASTING)]
    plain = [line for line in lines if PY4J not in line]
    return (naming or plain or lines)[0]


if __name__ == "__main__":
    main()
