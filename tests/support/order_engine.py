"""A process that does what a job order says as the Spark job does, without a JVM: DuckDB runs the SQL, written in Spark's dialect.

`python order_engine.py [FAULT] --order file:///… --ends-with-input`. Faults: `die` (killed half way), `twice` (another job's file
beside its own), `lose` (a file is gone after it was counted), `refuse` (the SQL is wrong), `hang`.
"""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot


def local(address: str) -> Path:
    return Path(unquote(urlsplit(address).path))


def build(order: dict, fault: str) -> dict:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for table in order["inputs"]:
        parts = []
        for group in table["groups"]:
            files = [str(local(one)) for one in group["files"]]
            stored = {name.lower() for name in pq.read_schema(files[0]).names}
            columns = []
            for name, kind in table["columns"].items():
                duck = (
                    sqlglot.exp.DataType.build(kind, dialect="spark").sql("duckdb").replace("TIMESTAMPTZ", "TIMESTAMP")
                )
                value = f'"{name}"' if name.lower() in stored else "NULL"
                if name in group["values"]:
                    given = group["values"][name]
                    value = "NULL" if given is None else "'" + given.replace("'", "''") + "'"
                columns.append(f'CAST({value} AS {duck}) AS "{name}"')
            parts.append(f"SELECT {', '.join(columns)} FROM read_parquet({files})")
        empty = ", ".join(
            f'CAST(NULL AS {sqlglot.exp.DataType.build(kind, dialect="spark").sql("duckdb")}) AS "{name}"'
            for name, kind in table["columns"].items()
        )
        query = " UNION ALL ".join(parts) or f"SELECT {empty} WHERE FALSE"
        connection.execute(f"CREATE VIEW {table['view']} AS {query}")
    rows = connection.execute(sqlglot.transpile(order["sql"], read="spark", write="duckdb")[0]).to_arrow_table()
    # Spark marks its timestamps as UTC
    fields = [
        pa.field(f.name, pa.timestamp("us", "UTC") if pa.types.is_timestamp(f.type) else f.type) for f in rows.schema
    ]
    rows = rows.cast(pa.schema(fields))
    folder = local(order["output"])
    folder.mkdir()
    half = len(rows) // 2
    for number, piece in enumerate([rows.slice(0, half), rows.slice(half)]):
        pq.write_table(piece, folder / f"part-0000{number}-job-c000.snappy.parquet")
        if fault == "die":
            os.kill(os.getpid(), signal.SIGKILL)
    files = [{"name": path.name, "size": path.stat().st_size} for path in sorted(folder.iterdir())]
    if fault == "twice":
        pq.write_table(rows, folder / "part-00000-other-c000.snappy.parquet")
    if fault == "lose":
        pq.write_table(rows.slice(0, 0), folder / files[1]["name"])
        files[1]["size"] = (folder / files[1]["name"]).stat().st_size
    if fault == "cut":
        cut = folder / files[1]["name"]
        cut.write_bytes(cut.read_bytes()[:-9])
        files[1]["size"] = cut.stat().st_size
    return {"rows": len(rows), "files": files, "engine": "spark 0 (stand-in)"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("fault", nargs="?", default="")
    parser.add_argument("--order", required=True)
    options, _ = parser.parse_known_args()
    order = json.loads(local(options.order).read_text())
    if options.fault == "hang":
        time.sleep(600)
    if options.fault == "refuse":
        result = {"error": {"kind": "lasting", "message": "AnalysisException: no such column"}}
    else:
        result = build(order, options.fault)
    local(order["result"]).write_text(json.dumps(result))
    sys.exit("error" in result)


if __name__ == "__main__":
    main()
