"""A stream's records into landing: our consumer beside a bare loop of the same reads and writes, each in a process of its own.

    python -m benchmarks.stream --records 200000

Records come from a server of the tests in a process of its own (`tests/support/kinesis_server.py`), because an emulator takes
most of the time itself. Memory must not grow with the number of records, nor with their size beyond what a batch may have. The
bare loop reads, packs and writes. Without checkpoint, lease, window and check of the records it may lose and double them.
"""

import argparse
import gzip
import multiprocessing
import resource
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from tests.conftest import client, new_store, running_moto
from tests.lakeworks.streaming.conftest import Shop, new_shop

from lakeworks.s3.object_store import ObjectStore
from lakeworks.streaming.consumer import LeasePolicy
from lakeworks.streaming.shard_ingest import BatchPolicy

SPAWN = multiprocessing.get_context("spawn")  # a process whose memory is its own
BATCH = 10_000
LARGE = 1 << 20


@dataclass(frozen=True)
class Place:
    """The stream and bucket of one measurement, as a process finds them."""

    url: str
    kinesis: str
    stream: str
    bucket: str
    records: int

    def shop(self) -> Shop:
        from tests.lakeworks.streaming.conftest import Stream

        store = ObjectStore(client("s3", self.url), self.bucket, threads=1)
        return new_shop(Stream(self.stream, client("kinesis", self.kinesis)), store, self.url)


def ours(place: Place, *, fan_out: bool = False) -> None:
    """Land everything by a consumer."""
    shop = place.shop()
    arn = f"arn:aws:kinesis:us-east-1:123456789012:stream/{place.stream}/consumer/bench:1"
    consumer = shop.consumer(
        policy=BatchPolicy(records=BATCH, age_seconds=60, settle_seconds=0),
        leases=LeasePolicy(look_seconds=5, read_seconds=0),
        shards={"consumer_arn": arn} if fan_out else {},
    )
    read = 0
    while read < place.records:
        read += consumer.turn()
    consumer.drain()
    landed = sum(one.totals.records for one in shop.table.all().values())
    if landed != place.records:
        raise SystemExit(f"{landed} of {place.records} records landed")


def pushed(place: Place) -> None:
    """Land everything by a consumer that Kinesis pushes to."""
    ours(place, fan_out=True)


def bare(place: Place) -> None:
    """Read, pack and write, and nothing else."""
    shop = place.shop()
    for shard in shop.stream.shards():
        where = {"StreamName": place.stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator, number = shop.stream.kinesis.get_shard_iterator(**where)["ShardIterator"], 0
        while True:
            answer = shop.stream.kinesis.get_records(ShardIterator=iterator, Limit=BATCH)
            if not answer["Records"]:
                break
            body = gzip.compress(b"\n".join(record["Data"] for record in answer["Records"]), 6, mtime=0)
            shop.store.put(f"bare/{shard['ShardId']}-{number}.jsonl.gz", body)
            iterator, number = answer["NextShardIterator"], number + 1


def measured(work: Callable[[Place], None], place: Place, answers: Any) -> None:
    """Send CPU seconds, seconds and the largest memory in MiB."""
    began = time.monotonic()
    work(place)
    used = resource.getrusage(resource.RUSAGE_SELF)
    answers.put((used.ru_utime + used.ru_stime, time.monotonic() - began, used.ru_maxrss / 1024))


@contextmanager
def kinesis(stream: str, records: int, size: int) -> Iterator[str]:
    """A stream of made records, in a process of its own."""
    command = [sys.executable, "-m", "tests.support.kinesis_server", "--stream", stream, "--consumer", "bench"]
    options = ["--records", str(records), "--bytes", str(size)]
    with subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--large", type=int, default=300, help="records of a MiB less a KiB")
    options = parser.parse_args()
    table = Table(title="records of a stream into landing")
    for column in ("", "records", "bytes each", "CPU seconds", "seconds", "records a second", "largest memory, MiB"):
        table.add_column(column, justify="right")
    loads = [
        (options.records // 10, 120),
        (options.records, 120),
        (options.large // 10, LARGE - 1024),
        (options.large, LARGE - 1024),
    ]
    with running_moto() as url:
        for records, size in loads:
            for name, work in (("bare loop", bare), ("stream run", ours), ("with --fan-out", pushed)):
                stream, store, answers = f"s-{uuid.uuid4().hex[:8]}", new_store(url), SPAWN.Queue()
                with kinesis(stream, records, size) as address:
                    place = Place(url, address, stream, store.bucket, records)
                    process = SPAWN.Process(target=measured, args=(work, place, answers))
                    process.start()
                    processor, seconds, memory = answers.get(timeout=1800)
                    process.join()
                rate = f"{records / seconds:,.0f}"
                table.add_row(
                    name, f"{records:,}", f"{size:,}", f"{processor:.1f}", f"{seconds:.1f}", rate, f"{memory:,.0f}"
                )
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
