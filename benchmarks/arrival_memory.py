"""Peak memory of reading a small and a large file as the write step does: read, conformed to a contract, sorted, encoded.

`python -m benchmarks.arrival_memory 50 5000` writes files of so many megabytes, one after the other, and prints each one's peak
for a table without a grain and for one with. LAKE_MEMORY_LIMIT and LAKE_THREADS set the engine that sorts.
"""

import os
import resource
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lakeworks.arrival.contract_rows import conform
from lakeworks.contract import Contract
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.engines.ingest_sort import sorted_for_publishing
from lakeworks.landing.readable_file import ReadableFile
from lakeworks.parquet.encoder import ParquetPart

TEXT = "The quick brown fox. " * 100
COLUMNS = {
    "id": {"type": "bigint", "required": True, "description": "key"},
    "amount": {"type": "decimal(12,2)", "description": "money"},
    "note": {"type": "string", "description": "text"},
}


def contract(grain: list[str]) -> Contract:
    """Return a bronze table for the rows; sorted by id if that is its grain."""
    base = {"version": "1.0.0", "description": "rows", "team": "bench", "grain": grain, "columns": COLUMNS}
    return Contract.model_validate({"name": "bronze.bench.rows", "source": "file_drop.rows", **base})


def fill(path: Path, size: int) -> None:
    """Write rows until the file has its size."""
    kind = path.suffix
    with path.open("w") as file:
        file.write({".json": "[", ".csv": "id,amount,note\n"}.get(kind, ""))
        number = 0
        while file.tell() < size:
            lines = []
            for place in range(number, number + 1000):
                row = place * 7919 % 10_000_019  # a prime: in no order, and no number twice
                amount = f"{row % 100000}.25"
                text = f'{{"id": {row}, "amount": {amount}, "note": "{TEXT}"}}'
                comma = "," if place and kind == ".json" else ""
                lines.append(f"{row},{amount},{TEXT}\n" if kind == ".csv" else f"{comma}{text}\n")
            file.write("".join(lines))
            number += 1000
        file.write({".json": "]"}.get(kind, ""))


def drain(path: Path, grain: list[str]) -> None:
    """Read a file to its end as the write step does and print rows and peak memory in megabytes."""
    wanted = contract(grain)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        found = conform([ReadableFile(path, path.name)], wanted, Path(folder))
        limit, threads = os.environ.get("LAKE_MEMORY_LIMIT", "1GB"), int(os.environ.get("LAKE_THREADS", "2"))
        engine = DuckDbEngine(limit, threads, Path(folder))
        with sorted_for_publishing(engine, wanted, found.reader) as ordered, ThreadPoolExecutor(1) as pool:
            part = ParquetPart(ordered.schema, wanted.storage, Path(folder), pool)
            for batch in ordered:
                part.add(batch)
            part.finish()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    order = "sorted" if grain else "as it comes"
    sys.stdout.write(
        f"{path.suffix} {path.stat().st_size // 1_000_000} MB, {part.rows} rows, {order}, peak {peak} MB\n"
    )


def main(arguments: list[str]) -> int:
    """Measure every format at every size, each in a process of its own."""
    if arguments[0] == "drain":
        drain(Path(arguments[1]), arguments[2:])
        return 0
    for kind in ("csv", "jsonl", "json"):
        for size in map(int, arguments):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"rows.{kind}"
                fill(path, size * 1_000_000)
                command = [sys.executable, "-m", "benchmarks.arrival_memory", "drain", str(path)]
                for grain in ([], ["id"]):
                    subprocess.run([*command, *grain], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
