"""`make bench`: run the benchmarks, print one table, write docs/benchmarks.md."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.conftest import new_store, running_ministack, running_moto, running_seaweed, serving
from tests.support.postgres_server import running_postgres

from benchmarks import data, report
from benchmarks.case import Case, Place
from benchmarks.cases.write_rows import arrow_s3
from benchmarks.rounds import ROOT, load, merged, run_case, save
from lakeworks_local.stack.process import free_port

MODULES = [
    f"benchmarks.cases.{name}"
    for name in ("write", "transform", "pipeline", "compaction", "catalog", "leaving", "load")
]
DATA = ROOT / ".local/bench"
WITH_GLUE = ("pipeline", "pipeline_quarter", "unguarded", "compaction", "serving", "export", "iceberg", "load")
FULL = {"bronze": 3_500_000, "bars": 2_000_000}
QUICK = {"bronze": 350_000, "bars": 200_000}


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one round")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--case", action="append", help="only these")
    parser.add_argument("--contestant", action="append", help="only these")
    parser.add_argument("--add", action="store_true", help="to the rounds kept from earlier, instead of replacing them")
    parser.add_argument("--write", type=Path, help="Markdown file for the tables")
    arguments = parser.parse_args()
    sizes, rounds = (QUICK if arguments.quick else FULL), arguments.rounds or (1 if arguments.quick else 3)
    kept = DATA / ("quick" if arguments.quick else "results")
    for case, module in _wanted(arguments):
        print(case.title, file=sys.stderr)
        rows = sizes.get(case.data, 0) * case.scale
        with place_of(case, rows) as place:
            found = run_case(case, module, place, rounds, Check(rows))
        path = kept / f"{case.name}.json"
        if arguments.add and path.exists():
            found = merged(load(path)[1], found)
        if arguments.add or not arguments.contestant:
            save(path, rows, found)
        print(report.table(case, found, rows), flush=True)
    if arguments.write:
        every = [case for module in MODULES for case in import_module(module).CASES]
        measured = [(case, kept / f"{case.name}.json") for case in every if (kept / f"{case.name}.json").exists()]
        results = [(case, found, rows) for case, path in measured for rows, found in [load(path)]]
        arguments.write.write_text(report.page(results, arguments.write.read_text()))
    return 0


def _wanted(arguments: argparse.Namespace) -> Iterator[tuple[Case, str]]:
    for module in MODULES:
        for case in import_module(module).CASES:
            if arguments.case and case.name not in arguments.case:
                continue
            entries = {n: e for n, e in case.entries.items() if n in (arguments.contestant or case.entries)}
            yield replace(case, entries=entries), module


@contextmanager
def place_of(case: Case, rows: int) -> Iterator[Place]:
    """Input files and running endpoints."""
    folder = DATA / f"{case.data}-{rows}"
    data.make(case.data, folder, rows)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place = Place(str(folder), "", "", "", str(scratch))
        if case.endpoint in ("seaweed", "ministack"):
            start = running_seaweed if case.endpoint == "seaweed" else running_ministack
            url = stack.enter_context(start(scratch / "endpoint"))
            place = replace(place, endpoint=url, bucket=new_store(url, versioned=case.partitions is None).bucket)
        if case.endpoint == "glue":
            port = free_port()
            command = [sys.executable, "-m", "benchmarks.glue", str(port)]
            place = replace(
                place, bucket="bench", glue=stack.enter_context(serving(command, f"http://127.0.0.1:{port}", {}))
            )
        if case.name in WITH_GLUE:
            place = replace(place, glue=stack.enter_context(running_moto()))
        if case.name == "serving":
            place = replace(place, postgres=stack.enter_context(running_postgres()))
        yield place


@dataclass
class Check:
    """Whether a sample did what it was asked to: no figure of a wrong answer is printed."""

    rows: int
    agreed: dict[str, int] = field(default_factory=dict)

    def __call__(self, case: Case, place: Place, facts: Mapping[str, Any]) -> str:
        """Empty, or what is wrong; objects left by the sample are deleted."""
        if case.partitions is None:
            expected = self.agreed.setdefault(case.name, facts.get("rows", 0))
            return "" if facts.get("rows") == expected else f"wrong answer: {facts.get('rows')} rows, not {expected}"
        rows, folders = _take_away(place)
        if (rows, folders) != (self.rows, case.partitions):
            return f"wrong answer: {rows} of {self.rows} rows, {folders} of {case.partitions} partitions"
        return ""


def _take_away(place: Place) -> tuple[int, int]:
    """Count the rows and folders a sample wrote, and delete them."""
    import pyarrow.parquet as pq

    target, client = arrow_s3(place), place.client()
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=f"{place.prefix}/")
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    files = [key for key in keys if key.endswith(".parquet")]
    rows = sum(pq.read_metadata(f"{place.bucket}/{key}", filesystem=target).num_rows for key in files)
    for start in range(0, len(keys), 1000):
        chunk = [{"Key": key} for key in keys[start : start + 1000]]
        client.delete_objects(Bucket=place.bucket, Delete={"Objects": chunk, "Quiet": True})
    return rows, len({key.rpartition("/")[0] for key in files})


if __name__ == "__main__":
    sys.exit(main())
