"""A stream's records into landing: our consumer beside a bare loop of the same reads and writes, each in a process of its own.

    python -m benchmarks.stream --records 200000

The bare loop reads, packs and writes. Without checkpoint, lease, window and check of the records it may lose and double them.
"""

import argparse
import gzip
import json
import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from tests.conftest import client, new_store, running_moto
from tests.lakeworks.streaming.conftest import Shop, new_shop, new_stream

from lakeworks.s3.object_store import ObjectStore
from lakeworks.streaming.consumer import LeasePolicy
from lakeworks.streaming.producer import Producer
from lakeworks.streaming.shard_ingest import BatchPolicy

SPAWN = multiprocessing.get_context("spawn")  # a process whose memory is its own
BATCH = 10_000


@dataclass(frozen=True)
class Place:
    """The stream and bucket of one measurement, as a process finds them."""

    url: str
    stream: str
    bucket: str

    def shop(self) -> Shop:
        from tests.lakeworks.streaming.conftest import Stream

        store = ObjectStore(client("s3", self.url), self.bucket, threads=1)
        return new_shop(Stream(self.stream, client("kinesis", self.url)), store, self.url)


def ours(place: Place) -> None:
    """Land everything by a consumer."""
    shop = place.shop()
    consumer = shop.consumer(
        policy=BatchPolicy(records=BATCH, age_seconds=60, settle_seconds=0),
        leases=LeasePolicy(look_seconds=5, read_seconds=0),
    )
    idle = 0
    while idle < 3:
        idle = 0 if consumer.turn() else idle + 1
    consumer.drain()


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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    records = parser.parse_args().records
    table = Table(title=f"{records:,} records of a stream into landing")
    for column in ("", "CPU seconds", "seconds", "records a second", "largest memory, MiB"):
        table.add_column(column, justify="right")
    with running_moto() as url:
        stream, store = new_stream(url), new_store(url)
        with Producer(stream.kinesis, stream.name) as producer:
            for number in range(records):
                event = {
                    "event_id": f"{number}-placed",
                    "customer_id": number % 997,
                    "amount": "12.50",
                    "currency": "USD",
                }
                producer.put(json.dumps(event).encode(), key=str(number % 997))
        place, answers = Place(url, stream.name, store.bucket), SPAWN.Queue()
        for name, work in (("bare loop", bare), ("lakeworks stream run", ours)):
            process = SPAWN.Process(target=measured, args=(work, place, answers))
            process.start()
            processor, seconds, memory = answers.get()
            process.join()
            table.add_row(name, f"{processor:.1f}", f"{seconds:.1f}", f"{records / seconds:,.0f}", f"{memory:,.0f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
