"""A stream of its own for each test, on moto over HTTP."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

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
    def make(shards: int = 1) -> Stream:
        kinesis, name = client("kinesis", moto_url), f"s-{uuid.uuid4().hex[:8]}"
        kinesis.create_stream(StreamName=name, ShardCount=shards)
        return Stream(name, kinesis)

    return make


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
