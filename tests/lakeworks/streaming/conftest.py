"""A stream of its own for each test, on moto over HTTP."""

import gzip
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from lakeworks.infrastructure.resources.streams.stream import StreamTable
from lakeworks.infrastructure.stream_config import checkpoint_table, live_table
from lakeworks.s3.object_store import ObjectStore
from lakeworks.streaming.checkpoint_table import CheckpointTable
from lakeworks.streaming.consumer import Consumer, LeasePolicy
from lakeworks.streaming.landed_batch import BatchLanding
from lakeworks.streaming.shard_ingest import BatchPolicy
from lakeworks.streaming.shards import StreamShards
from lakeworks.streaming.stream_place import StreamPlace
from tests.conftest import client
from tests.faults.fault_proxy import Faults, proxy
from tests.faults.line import impatient


@dataclass
class Stream:
    """A Kinesis stream, with the client that made it."""

    name: str
    kinesis: Any

    def shards(self) -> list[dict[str, Any]]:
        return list(self.kinesis.list_shards(StreamName=self.name)["Shards"])

    def records(self) -> list[bytes]:
        """Everything in the stream, shard by shard."""
        found: list[bytes] = []
        for shard in self.shards():
            place = {"StreamName": self.name, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator = self.kinesis.get_shard_iterator(**place)["ShardIterator"]
            while iterator:
                answer = self.kinesis.get_records(ShardIterator=iterator)
                found += [record["Data"] for record in answer["Records"]]
                iterator = answer.get("NextShardIterator") if answer["Records"] else None
        return found


@pytest.fixture
def stream(moto_url: str) -> Callable[..., Stream]:
    return lambda shards=1: new_stream(moto_url, shards)


def new_stream(url: str, shards: int = 1) -> Stream:
    """A stream of its own."""
    kinesis, name = client("kinesis", url), f"s-{uuid.uuid4().hex[:8]}"
    kinesis.create_stream(StreamName=name, ShardCount=shards)
    return Stream(name, kinesis)


@pytest.fixture
def broken(moto_url: str) -> Iterator[tuple[Callable[[str], Any], Faults]]:
    """Clients whose requests go through a proxy that can break them."""
    with proxy(moto_url) as (url, faults):
        yield lambda service: impatient(service, url), faults


@dataclass
class ThrottledStream:
    """A Kinesis client that takes some records of a call and reports the others as throttled, as a full shard does."""

    kinesis: Any
    throttles: Callable[[bytes], bool]
    asked: list[list[bytes]] = field(default_factory=list)

    def put_records(self, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.asked.append([record["Data"] for record in Records])
        kept = [record for record in Records if not self.throttles(record["Data"])]
        answered = iter(self.kinesis.put_records(StreamName=StreamName, Records=kept)["Records"] if kept else [])
        refused = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded"}
        results = [dict(refused) if self.throttles(record["Data"]) else next(answered) for record in Records]
        return {"FailedRecordCount": len(Records) - len(kept), "Records": results}


@dataclass
class Shop:
    """A stream with its checkpoint table and a lake to land in; consumers are made by `consumer`."""

    stream: Stream
    place: StreamPlace
    store: ObjectStore
    dynamodb: Any

    def consumer(self, **changes: Any) -> Consumer:
        """A consumer that looks at its leases in every turn and never waits; keywords change its parts."""
        kinesis, dynamodb = changes.pop("kinesis", self.stream.kinesis), changes.pop("dynamodb", self.dynamodb)
        store = changes.pop("store", self.store)
        table = CheckpointTable(dynamodb, self.place.checkpoints, self.stream.name)
        policy = changes.pop("policy", BatchPolicy(records=3, age_seconds=0, settle_seconds=0))
        leases = changes.pop("leases", LeasePolicy(lease_seconds=0, look_seconds=0, read_seconds=0, pause_seconds=0))
        shards = StreamShards(kinesis, self.stream.name, table, **changes.pop("shards", {}))
        return Consumer(shards, BatchLanding(store, self.place), policy, leases, **changes)

    @property
    def table(self) -> CheckpointTable:
        return CheckpointTable(self.dynamodb, self.place.checkpoints, self.stream.name)

    def put(self, *events: dict[str, Any] | bytes, key: str = "k") -> None:
        for event in events:
            data = event if isinstance(event, bytes) else json.dumps(event).encode()
            self.stream.kinesis.put_record(StreamName=self.stream.name, Data=data, PartitionKey=key)

    def objects(self) -> dict[str, bytes]:
        prefix = f"landing/{self.place.domain}/stream/"
        return {item.key: self.store.get(item.key)[0] for item in self.store.scan(prefix)}

    def landed(self) -> list[dict[str, Any]]:
        """Every line in landing, in the order of shard and sequence."""
        lines = [json.loads(line) for body in self.objects().values() for line in gzip.decompress(body).splitlines()]
        return sorted(
            lines, key=lambda line: (line["stream_shard"], [int(part) for part in line["stream_sequence"].split(".")])
        )

    def finish(self, consumer: Consumer | None = None) -> None:
        """Consume until nothing is read for some turns, then drain."""
        consumer, idle = consumer or self.consumer(), 0
        for _ in range(300):
            idle = 0 if consumer.turn() else idle + 1
            if idle == 4:
                break
        else:
            pytest.fail("the consumer reads for ever")
        consumer.drain()


@pytest.fixture
def shop(stream: Callable[..., Stream], store: ObjectStore, moto_url: str) -> Callable[..., Shop]:
    return lambda shards=1: new_shop(stream(shards), store, moto_url)


def new_shop(stream: Stream, store: ObjectStore, url: str, name: str = "shop") -> Shop:
    """A stream with the tables of its consumer."""
    place = StreamPlace(name, stream.name, checkpoint_table(stream.name), live_table(stream.name), "commerce")
    dynamodb = client("dynamodb", url)
    for table in (
        StreamTable(place.checkpoints),
        StreamTable(str(place.live_view), ("view", "entry"), "expires_at"),
    ):
        table.write(dynamodb, table.desired())
    return Shop(stream, place, store, dynamodb)
