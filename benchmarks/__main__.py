"""`make bench`: run the benchmarks, print one table, write docs/benchmarks.md."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path

from benchmarks import data, report
from benchmarks.case import Case, Place
from benchmarks.rounds import ROOT, run_case
from tests.conftest import new_store, running_ministack, running_moto, running_seaweed

MODULES = ("benchmarks.cases.write",)
DATA = ROOT / ".local/bench"
FULL = {"trips": 3_500_000, "bars": 2_000_000}
QUICK = {"trips": 350_000, "bars": 200_000}


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one round")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--case", action="append", help="only these")
    parser.add_argument("--contestant", action="append", help="only these")
    parser.add_argument("--write", type=Path, help="Markdown file for the tables")
    arguments = parser.parse_args()
    sizes, rounds = (QUICK if arguments.quick else FULL), arguments.rounds or (1 if arguments.quick else 5)
    results = []
    for module in MODULES:
        for case in import_module(module).CASES:
            if arguments.case and case.name not in arguments.case:
                continue
            if arguments.contestant:
                kept = {name: entry for name, entry in case.entries.items() if name in arguments.contestant}
                case = Case(**{**vars(case), "entries": kept})
            print(case.title, file=sys.stderr)
            with _place(case, sizes) as (place, rows):
                found = run_case(case, module, place, rounds, lambda c, p: _check(c, p, rows))  # noqa: B023
            results.append((case, found, rows))
            print(report.table(case, found, rows, rounds))
    if arguments.write:
        arguments.write.write_text(report.page(results, rounds))
    return 0


@contextmanager
def _place(case: Case, sizes: dict[str, int]) -> Iterator[tuple[Place, int]]:
    rows = sizes[case.data]
    folder = DATA / f"{case.data}-{rows}"
    if case.data == "trips":
        data.trips(folder / "trips.parquet", rows)
    else:
        data.bars(folder / "bars.parquet", rows, 250, 20)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        start = {"seaweed": running_seaweed, "ministack": running_ministack}.get(case.endpoint)
        url = stack.enter_context(start(scratch / "endpoint") if start else running_moto())
        store = new_store(url, versioned=False)
        yield Place(str(folder), url, store.bucket, "", str(scratch)), rows


def _check(case: Case, place: Place, rows: int) -> str:
    """Empty if the objects hold every row in the right number of partitions; they are deleted afterwards."""
    import pyarrow.parquet as pq

    from benchmarks.cases.write import _arrow_s3

    target, client = _arrow_s3(place), place.client()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=f"{place.prefix}/")
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    files = [key for key in keys if key.endswith(".parquet")]
    folders = {key.rpartition("/")[0] for key in files}
    found = sum(pq.read_metadata(f"{place.bucket}/{key}", filesystem=target).num_rows for key in files[:100_000])
    for start in range(0, len(keys), 1000):
        chunk = [{"Key": key} for key in keys[start : start + 1000]]
        client.delete_objects(Bucket=place.bucket, Delete={"Objects": chunk, "Quiet": True})
    if found != rows or len(folders) != case.partitions:
        return f"wrong answer: {found} of {rows} rows, {len(folders)} of {case.partitions} partitions"
    return ""


if __name__ == "__main__":
    sys.exit(main())
