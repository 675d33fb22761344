"""What diff and repair of a catalog cost at 100,000 partitions: `python -m tests.catalog_scale [partitions] [scenario]`.

Servers run in processes of their own over HTTP: tests/support/listing_server.py for S3, tests/support/glue_server.py (AWS's limits) for Glue. This
process is the client: its seconds, calls and peak memory are printed, one line a scenario, as rows of docs/catalog.md.
"""

import multiprocessing
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.catalog.glue_inputs import partition_input, table_input
from lakeworks.catalog.partition_pages import quick_partitions
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.lake import Lake
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.pipeline.registration import catalog_partition
from lakeworks.s3.listing_pages import quick_listings, quick_timestamps
from lakeworks.s3.object_store import ObjectStore
from lakeworks.status.table_status import status
from tests.conftest import client
from tests.support.glue_server import Glue, serving_glue
from tests.support.listing_server import serving_bucket
from tests.support.many_partitions import entry, partitions, prices

CONTRACT, BUCKET = prices(), "many"


def serve_s3(pipe: Connection, count: int) -> None:
    """A published table: a ledger entry and an object a partition."""
    wanted = partitions(count, days=2500)
    model = entry(CONTRACT, wanted[0])  # validated once; the others differ in their path alone
    text, here = model.model_dump_json(), wanted[0].path
    objects: dict[str, bytes] = {}
    for path in (partition.path for partition in wanted):
        objects[model.key.replace(here, path)] = text.replace(here, path).encode()
        objects[model.objects[0].key.replace(here, path)] = b"x"
    with serving_bucket(objects) as url:
        pipe.send(url)
        pipe.recv()


def serve_glue(pipe: Connection) -> None:
    """A Glue of its own process, which does what the client asks."""
    with serving_glue() as (glue, url):
        pipe.send(url)
        while asked := pipe.recv():
            held = glue.partitions.get(("silver_market", "prices"), {})
            if isinstance(asked, int):
                register(glue, asked)
            if asked == "lose the table":
                glue.answer("DeleteTable", {"DatabaseName": "silver_market", "Name": "prices"})
            if asked == "bend 1%":
                for number, values in enumerate(sorted(held)):
                    if number % 300 == 0:
                        del held[values]
                    elif number % 300 == 1:
                        held[values]["StorageDescriptor"]["Location"] = "s3://elsewhere/"
                    elif number % 300 == 2:
                        held["DEAD", *values[1:]] = {**held[values], "Values": ["DEAD", *values[1:]]}
            calls = {**glue.calls}
            glue.calls.clear()
            pipe.send(calls)


@contextmanager
def servers(count: int) -> Iterator[tuple[Connection, str, str]]:
    """Processes of S3 and Glue: the pipe that asks Glue for changes, and both addresses."""
    context = multiprocessing.get_context("spawn")
    (glue, glue_end), (s3, s3_end) = multiprocessing.Pipe(), multiprocessing.Pipe()
    started = [
        context.Process(target=serve_glue, args=(glue_end,), daemon=True),
        context.Process(target=serve_s3, args=(s3_end, count), daemon=True),
    ]
    for server in started:
        server.start()
    yield glue, s3.recv(), glue.recv()
    for pipe, server in zip((glue, s3), started, strict=True):
        pipe.send("")
        server.join()


def main(count: int, only: str) -> None:
    """Fill, start the servers, measure, stop them."""
    with servers(count) as (glue, s3_url, glue_url), TemporaryDirectory() as scratch:
        run(glue, s3_url, glue_url, Path(scratch), (count, only))


def register(glue: Glue, count: int) -> None:
    """What publishing would have left in Glue."""
    where = f"s3://{BUCKET}/{CONTRACT.table.path}/"
    table = table_input(CONTRACT, where)
    glue.answer("CreateDatabase", {"DatabaseInput": {"Name": "silver_market"}})
    glue.answer("CreateTable", {"DatabaseName": "silver_market", "TableInput": table})
    lake: Any = SimpleNamespace(store=ObjectStore(None, BUCKET))  # type: ignore[arg-type]
    wanted = partitions(count, days=2500)
    model = catalog_partition(lake, entry(CONTRACT, wanted[0]))
    held = glue.partitions["silver_market", "prices"]
    for partition in wanted:
        one = replace(model, partition=partition, location=f"{where}{partition.path}/")
        item = partition_input(one, table["StorageDescriptor"]["Columns"])
        held[tuple(item["Values"])] = item


def run(glue: Connection, s3_url: str, glue_url: str, scratch: Path, work: tuple[int, str]) -> None:
    """Every scenario (or those that are named like `only`), one line each."""
    count, only = work
    calls: Counter[str] = Counter()
    s3 = client("s3", s3_url)
    s3.meta.events.register("before-call.s3", lambda model, **_: calls.update([model.name]))
    lake = Lake(
        ObjectStore(quick_listings(quick_timestamps(s3)), BUCKET),
        GlueCatalog(quick_partitions(client("glue", glue_url))),
        DuckDbEngine(scratch=scratch),
        scratch,
    )

    def ask(what: str) -> Any:
        glue.send(what)
        return glue.recv()

    def measure(name: str, work: Callable[[], int]) -> None:
        if only not in name:
            return
        ask("calls")
        calls.clear()
        began, used = time.monotonic(), time.process_time()
        found = work()
        seconds, used = time.monotonic() - began, time.process_time() - used
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        shown = ", ".join(f"{name} {count:,}" for name, count in {**calls, **ask("calls")}.items())
        sys.stdout.write(f"| {name} | {found:,} | {seconds:.1f} | {used:.1f} | {peak:.0f} | {shown} |\n")
        sys.stdout.flush()

    def found(**options: Any) -> int:
        return sum(1 for _ in compare_catalog(lake, CONTRACT, **options))

    sys.stdout.write(
        f"{count:,} partitions\n| | found | s | CPU s of the client | peak MB | calls |\n|---|---|---|---|---|---|\n"
    )
    ask(count)
    measure("listing the ledger", lambda: len(lake.ledger.numbers(CONTRACT.table)))
    measure("listing Glue", lambda: sum(1 for _ in lake.catalog.partitions(CONTRACT)))
    measure("diff, all right", found)
    measure("status", lambda: sum(len(matrix.cells) for matrix in status(lake, [CONTRACT])))
    ask("bend 1%")
    measure("diff, 1% bent", found)
    measure("repair, 1% bent", lambda: found(repair=True))
    measure("diff after it", found)
    ask("lose the table")
    measure("repair, the table is lost", lambda: found(repair=True))


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 100_000, sys.argv[2] if sys.argv[2:] else "")
