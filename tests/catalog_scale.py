"""What diff and repair of a catalog cost at 100,000 partitions: `python -m tests.catalog_scale [partitions]`.

Servers run in processes of their own: S3 is ministack, Glue is tests/glue_server.py (AWS's limits, real HTTP). This
process is the client: its seconds, calls and peak memory are printed, one line a scenario, as rows of docs/catalog.md.
"""

import multiprocessing
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.catalog.tables import partition_input, table_input
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.pipeline.lake import Lake
from lakeworks.pipeline.publish import catalog_partition
from lakeworks.pipeline.reconcile import reconcile
from lakeworks.storage.objects import ObjectStore
from tests.conftest import client, running_ministack
from tests.glue_server import Glue, serving_glue
from tests.many_partitions import entry, partitions, prices

CONTRACT, BUCKET = prices(), "many"


def fill(folder: Path, count: int) -> None:
    """A published table as files that ministack loads when it starts: a ledger entry and an object a partition."""
    root = folder / "s3" / "000000000000" / BUCKET
    for partition in partitions(count, days=2500):
        item = entry(CONTRACT, partition)
        for key, body in ((item.key, item.model_dump_json()), (item.objects[0].key, "x")):
            path = root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body)


def serve(pipe: Connection) -> None:
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


def main(count: int) -> None:
    """Fill, start the servers, measure, stop them."""
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=serve, args=(there,), daemon=True)
    server.start()
    with TemporaryDirectory() as folder:
        filling = context.Process(target=fill, args=(Path(folder), count))
        filling.start()
        filling.join()
        with running_ministack(Path(folder), patience=300) as s3_url:
            run(here, s3_url, here.recv(), Path(folder), count)
    here.send("")
    server.join()


def register(glue: Glue, count: int) -> None:
    """What publishing would have left in Glue."""
    where = f"s3://{BUCKET}/{CONTRACT.table.path}/"
    table = table_input(CONTRACT, where)
    glue.answer("CreateDatabase", {"DatabaseInput": {"Name": "silver_market"}})
    glue.answer("CreateTable", {"DatabaseName": "silver_market", "TableInput": table})
    lake: Any = SimpleNamespace(store=ObjectStore(None, BUCKET))  # type: ignore[arg-type]
    for partition in partitions(count, days=2500):
        wanted = catalog_partition(lake, entry(CONTRACT, partition))
        item = partition_input(wanted, table["StorageDescriptor"]["Columns"])
        glue.partitions["silver_market", "prices"][tuple(item["Values"])] = item


def run(here: Connection, s3_url: str, glue_url: str, scratch: Path, count: int) -> None:
    """Every scenario, one line each."""
    calls: Counter[str] = Counter()
    s3 = client("s3", s3_url)
    s3.meta.events.register("before-call.s3", lambda model, **_: calls.update([model.name]))
    lake = Lake(ObjectStore(s3, BUCKET), GlueCatalog(client("glue", glue_url)), DuckDbEngine(scratch=scratch), scratch)

    def ask(what: str) -> Any:
        here.send(what)
        return here.recv()

    def measure(name: str, work: Callable[[], int]) -> None:
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
        return sum(1 for _ in reconcile(lake, CONTRACT, **options))

    sys.stdout.write(
        f"{count:,} partitions\n| scenario | differences | seconds | calls | peak MB |\n|---|---|---|---|---|\n"
    )
    ask(count)
    measure("listing the ledger", lambda: len(lake.ledger.numbers(CONTRACT.table)))
    measure("listing Glue", lambda: sum(1 for _ in lake.catalog.partitions(CONTRACT)))
    measure("diff, all right", found)
    ask("bend 1%")
    measure("diff, 1% bent", found)
    measure("repair, 1% bent", lambda: found(mend=True))
    measure("diff after it", found)
    ask("lose the table")
    measure("repair, the table is lost", lambda: found(mend=True))


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 100_000)
