"""`make formats`: the real taxi trips of the sample months in every format the lake reads, measured into docs/formats.md."""

import gzip
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from pyarrow import orc

from benchmarks.rounds import ROOT
from lakeworks.formats.protocols import format_of

PAGE = ROOT / "docs/formats.md"
MONTHS = ROOT / "include/lakeworks_local/data"
BEGIN, END = "<!-- measured by make formats -->", "<!-- end -->"
TWO = ["tpep_pickup_datetime", "total_amount"]
ROUNDS = 3


@dataclass(frozen=True)
class Kind:
    """A format with its codec: how it is written, and how two of its columns are read."""

    name: str
    file: str
    write: Callable[[pa.Table, Path], object]
    two_columns: Callable[[Path], object]


@dataclass(frozen=True)
class Measured:
    """What one kind took, the best of the rounds; seconds of processor time."""

    kind: Kind
    size: int
    write: float
    read_all: float
    read_two: float


def trips() -> pa.Table:
    """Return the trips of every sample month, sorted by pick-up."""
    months = [pq.read_table(path) for path in sorted(MONTHS.glob("yellow_tripdata_*.parquet"))]
    return pa.concat_tables(months, promote_options="permissive").sort_by(TWO[0]).combine_chunks()


def by_lake(path: Path) -> Iterator[Any]:
    """Read a file to its end as the lake does."""
    with path.open("rb") as file:
        yield from format_of(path.name).read(file)


def rows_of_lake(path: Path) -> int:
    """Return how many rows the lake reads; formats of rows have no shorter way to two columns."""
    return sum(batch.rows for batch in by_lake(path))


def kinds() -> Iterator[Kind]:
    """Every format and codec."""
    yield Kind("JSON Lines", "a.jsonl", write_json_lines, rows_of_lake)
    yield Kind("JSON Lines, gzip", "a.jsonl.gz", write_json_lines, rows_of_lake)
    yield Kind("JSON array", "a.json", write_json_array, rows_of_lake)
    yield Kind("CSV", "a.csv", lambda table, path: pyarrow.csv.write_csv(table, path), rows_of_lake)
    yield Kind("CSV, gzip", "a.csv.gz", write_csv_gzip, rows_of_lake)
    for codec in ("null", "deflate"):
        yield Kind(f"Avro, {codec}", f"a-{codec}.avro", avro_writer(codec), rows_of_lake)
    for codec in ("uncompressed", "snappy", "zstd"):
        yield Kind(f"ORC, {codec}", f"a-{codec}.orc", orc_writer(codec), lambda path: orc.read_table(path, columns=TWO))
    for codec in ("none", "snappy", "zstd"):
        yield Kind(
            f"Parquet, {codec}",
            f"a-{codec}.parquet",
            parquet_writer(codec),
            lambda path: pq.read_table(path, columns=TWO),
        )


def two_of_parquet(path: Path) -> pa.Table:
    """Read two columns and nothing else of the file."""
    return pq.read_table(path, columns=TWO)


def write_json_lines(table: pa.Table, path: Path) -> None:
    """Write an object a line."""
    lines = "".join(json.dumps(row, default=str) + "\n" for row in table.to_pylist()).encode()
    path.write_bytes(gzip.compress(lines, 6) if path.suffix == ".gz" else lines)


def write_json_array(table: pa.Table, path: Path) -> None:
    """Write one array of all objects."""
    path.write_text(json.dumps(table.to_pylist(), default=str))


def write_csv_gzip(table: pa.Table, path: Path) -> None:
    """Write CSV through gzip."""
    with gzip.open(path, "wb", 6) as file:
        pyarrow.csv.write_csv(table, file)


def avro_writer(codec: str) -> Callable[[pa.Table, Path], None]:
    """Return a writer of Avro with moments as local microseconds."""

    def write(table: pa.Table, path: Path) -> None:
        kinds = {"int64": "long", "double": "double", "string": "string", "large_string": "string", "int32": "int"}
        moment = {"type": "long", "logicalType": "local-timestamp-micros"}
        fields = [{"name": f.name, "type": ["null", kinds.get(str(f.type), moment)]} for f in table.schema]
        with path.open("wb") as file:
            fastavro.writer(file, {"type": "record", "name": "trip", "fields": fields}, table.to_pylist(), codec=codec)

    return write


def orc_writer(codec: str) -> Callable[[pa.Table, Path], None]:
    """Return a writer of ORC."""
    return lambda table, path: orc.write_table(table, path, compression=codec)


def parquet_writer(codec: str) -> Callable[[pa.Table, Path], None]:
    """Return a writer of Parquet."""
    return lambda table, path: pq.write_table(table, path, compression=codec)


def best(work: Callable[[], object]) -> float:
    """Return the processor time of the quickest round."""
    found = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return min(found)


def measure(table: pa.Table, kind: Kind, folder: Path) -> Measured:
    """Write and read one kind."""
    path = folder / kind.file
    written = best(lambda: kind.write(table, path))
    if (rows := rows_of_lake(path)) != len(table):
        raise SystemExit(f"{kind.name}: {rows} rows came back of {len(table)}")
    return Measured(
        kind, path.stat().st_size, written, best(lambda: rows_of_lake(path)), best(lambda: kind.two_columns(path))
    )


def section(found: list[Measured], rows: int) -> str:
    """Return the measured table as Markdown."""
    base = {item.kind.name: item.size for item in found}
    lines = [
        f"{rows:,} real trips, sorted by pick-up; processor seconds, the best of {ROUNDS} rounds. Sizes are against two named",
        'bases, because "10 times smaller" says nothing without one.',
        "",
        "| format | MB | of CSV | of JSON Lines | write | read all (by the lake) | read two columns |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {item.kind.name} | {item.size / 1e6:.2f} | {item.size / base['CSV']:.2f} | {item.size / base['JSON Lines']:.2f} | "
        f"{item.write:.3f} s | {item.read_all:.3f} s | {item.read_two:.3f} s |"
        for item in found
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure every kind and write the page."""
    table, found = trips(), []
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds():
            sys.stderr.write(f"{kind.name}\n")
            found.append(measure(table, kind, Path(folder)))
    page = PAGE.read_text()
    head, tail = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{head}{BEGIN}\n{section(found, len(table))}\n{END}{tail}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
