"""Spark's own Iceberg reader in a process of its own: rows of a table by the metadata file that Glue names.

Hadoop's S3 connector is on no Python index. So the bucket is mirrored into a folder, and Hadoop's own mount table puts that
folder behind the bucket's `s3://` addresses: metadata, manifests and data files are opened by the addresses that they name.

Run as a program, it answers requests: one JSON object a line, with `bucket`, `metadata`, `where`, `snapshot` and `out`.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakeworks.engines.remote.local_spark import spark_environment
from lakeworks.engines.spark import spark_home
from lakeworks.s3.object_store import ObjectStore
from tests.conformance.class_files import relocated_jackson

JARS = Path(__file__).resolve().parents[2] / ".local" / "conformance-iceberg" / "snowpark_connect_deps_iceberg" / "jars"
RUNTIME = "iceberg-spark-runtime-3.5_2.12-*.jar"
MIRRORED = ("metadata/iceberg/", "gold/")


@dataclass
class SparkIceberg:
    """A running Spark with Iceberg's runtime, and the mirror that it reads."""

    folder: Path
    jar: Path
    _process: subprocess.Popen[str] = field(init=False)
    _answers: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        jackson = relocated_jackson(Path(spark_home()) / "jars", self.folder / "jackson.jar")
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self.folder), f"{self.jar},{jackson}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=(self.folder / "log").open("w"), text=True,
            env=spark_environment(), cwd=Path(__file__).parents[2],
        )  # fmt: skip

    def rows(self, store: ObjectStore, metadata: str, where: str, snapshot: int | None) -> pa.Table:
        """Return a table's rows. The mirror has what the bucket has at this moment, and nothing else."""
        self._mirror(store)
        self._answers += 1
        out = self.folder / f"answer-{self._answers}"
        asked = {
            "bucket": store.bucket,
            "metadata": metadata,
            "where": where,
            "snapshot": snapshot,
            "out": out.as_uri(),
        }
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer == "done\n", f"Spark says: {answer or (self.folder / 'log').read_text()[-2000:]}"
        return pq.read_table(out)

    def stop(self) -> None:
        """End the process; its JVM ends with it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)

    def _mirror(self, store: ObjectStore) -> None:
        bucket = self.folder / store.bucket
        keys = {item.key for prefix in MIRRORED for item in store.scan(prefix)}
        for path in [path for path in bucket.rglob("*") if path.is_file()]:
            if str(path.relative_to(bucket)) not in keys:
                path.unlink()
        for key in sorted(keys):
            path = bucket / key
            if not path.exists():  # a key of either place has one content for ever
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(store.get(key)[0])


def started(folder: Path, jars: str) -> Any:
    """Start Spark on one core with the runtime."""
    from pyspark.sql import SparkSession

    options = {
        "spark.jars": jars,
        "spark.ui.enabled": "false",
        "spark.driver.memory": "1g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
        "spark.hadoop.fs.viewfs.overload.scheme.target.s3.impl": "org.apache.hadoop.fs.LocalFileSystem",
    }
    builder = SparkSession.builder.master("local[1]")
    for name, value in options.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def answer(spark: Any, folder: Path, asked: dict[str, Any]) -> str:
    """Write the rows that were asked for as Parquet. Return `done`, or the error's first words."""
    mount = f"fs.viewfs.mounttable.{asked['bucket']}.linkFallback"
    spark._jsc.hadoopConfiguration().set(mount, (folder / asked["bucket"]).as_uri())
    spark._jsparkSession.sessionState().catalogManager().reset()  # Iceberg's catalog keeps the settings of its first use
    reader = spark.read.format("iceberg")
    if asked["snapshot"]:
        reader = reader.option("snapshot-id", str(asked["snapshot"]))
    try:
        reader.load(asked["metadata"]).where(asked["where"]).write.parquet(asked["out"])
    except Exception as error:
        return " ".join(str(error).split())[:600]
    return "done"


def main() -> None:
    """Answer requests until standard input ends."""
    folder = Path(sys.argv[1])
    spark = started(folder, sys.argv[2])
    for line in sys.stdin:
        print(answer(spark, folder, json.loads(line)), flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
