"""A Kinesis that speaks the protocol and is quick: records are numbered and made when asked for, or put and kept.

It knows what the consumer asks: shards, iterators, records, enhanced fan-out as an event stream of HTTP, and resharding. A
subscription ends after `subscription_seconds`, as on AWS after five minutes; a second one takes the shard over.
"""

import argparse
import base64
import binascii
import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Document = dict[str, Any]
MOST_BYTES = 10 << 20
PUSHED_BYTES = 1 << 20
_SPACE = 1 << 128


class RefusedError(Exception):
    """An error of Kinesis: its code and message."""


@dataclass
class ServedShard:
    """A shard: records by their number from 1 on. `made` numbers are made when asked for, those in `kept` were put."""

    name: str
    keys: tuple[int, int]
    parents: tuple[str, ...] = ()
    made: int = 0
    kept: list[Document] = field(default_factory=list)
    ended: bool = False

    @property
    def last(self) -> int:
        """The number of the newest record."""
        return self.made + len(self.kept)


@dataclass
class KinesisState:
    """One stream, its consumers, and what happened to subscriptions."""

    stream: str
    make: Callable[[int], bytes] = lambda number: json.dumps({"event_id": str(number)}).encode()
    subscription_seconds: float = 300.0
    shards: dict[str, ServedShard] = field(default_factory=dict)
    consumers: dict[str, Document] = field(default_factory=dict)
    subscribed: list[Document] = field(default_factory=list)
    owners: dict[str, int] = field(default_factory=dict)
    breaks: int = 0
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    began: float = field(default_factory=time.time)

    @property
    def arn(self) -> str:
        return f"arn:aws:kinesis:us-east-1:123456789012:stream/{self.stream}"

    def add(self, count: int, records: int = 0) -> None:
        """Add open shards, each with `records` that are made when asked for."""
        for number in range(count):
            keys = (_SPACE * number // count, _SPACE * (number + 1) // count - 1)
            name = f"shardId-{len(self.shards):012d}"
            self.shards[name] = ServedShard(name, keys, made=records)

    def put(self, shard: str, *data: bytes) -> None:
        self.shards[shard].kept += [{"Data": one, "PartitionKey": "k", "At": time.time()} for one in data]

    def split(self, shard: str) -> list[str]:
        """End a shard; two children follow it."""
        parent, children = self.shards[shard], []
        middle = sum(parent.keys) // 2
        for keys in ((parent.keys[0], middle), (middle + 1, parent.keys[1])):
            name = f"shardId-{len(self.shards):012d}"
            self.shards[name] = ServedShard(name, keys, (shard,))
            children.append(name)
        parent.ended = True
        return children

    def records(self, shard: ServedShard, after: int, most: int, size: int) -> list[Document]:
        """The records behind a number, within both bounds."""
        found: list[Document] = []
        for number in range(after + 1, min(after + most, shard.last) + 1):
            kept = shard.kept[number - shard.made - 1] if number > shard.made else None
            data = kept["Data"] if kept else self.make(number)
            size -= len(data)
            if size < 0 and found:
                break
            found.append({
                "SequenceNumber": str(number), "ApproximateArrivalTimestamp": kept["At"] if kept else self.began,
                "Data": base64.b64encode(data).decode(), "PartitionKey": "k",
            })  # fmt: skip
        return found

    def answer(self, operation: str, asked: Document) -> Document:
        """The answer to one call.

        Raises:
            RefusedError: Kinesis would refuse it.
        """
        if operation == "DescribeStreamSummary":
            return {"StreamDescriptionSummary": {
                "StreamName": self.stream, "StreamARN": self.arn, "StreamStatus": "ACTIVE", "RetentionPeriodHours": 24,
                "StreamCreationTimestamp": self.began, "EnhancedMonitoring": [], "OpenShardCount": len(self.shards),
            }}  # fmt: skip
        if operation == "ListShards":
            return {"Shards": [self._described(one) for one in self.shards.values()]}
        if operation == "GetShardIterator":
            after = int(asked.get("StartingSequenceNumber") or 0)
            return {"ShardIterator": f"{asked['ShardId']}:{after}"}
        if operation == "GetRecords":
            name, _, after = asked["ShardIterator"].rpartition(":")
            shard = self.shards[name]
            found = self.records(shard, int(after), asked.get("Limit", 10_000), MOST_BYTES)
            at = int(after) + len(found)
            more = {} if shard.ended and at >= shard.last else {"NextShardIterator": f"{name}:{at}"}
            return {"Records": found, "MillisBehindLatest": shard.last - at, **more}
        if operation == "ListStreamConsumers":
            return {"Consumers": list(self.consumers.values())}
        if operation == "RegisterStreamConsumer":
            name = asked["ConsumerName"]
            if name in self.consumers:
                raise RefusedError("ResourceInUseException", "it is there")
            made = {
                "ConsumerName": name,
                "ConsumerARN": f"{self.arn}/consumer/{name}:1",
                "ConsumerCreationTimestamp": 1.0,
            }
            self.consumers[name] = {**made, "ConsumerStatus": "ACTIVE"}
            return {"Consumer": {**made, "ConsumerStatus": "CREATING"}}
        raise RefusedError("InvalidArgumentException", operation)

    def _described(self, shard: ServedShard) -> Document:
        parents = dict(zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False))
        low, high = map(str, shard.keys)
        ending = {"EndingSequenceNumber": str(shard.last)} if shard.ended else {}
        return {
            "ShardId": shard.name, "HashKeyRange": {"StartingHashKey": low, "EndingHashKey": high},
            "SequenceNumberRange": {"StartingSequenceNumber": "0", **ending}, **parents,
        }  # fmt: skip

    def events(self, asked: Document) -> Iterator[tuple[str, str, Document]]:
        """The events of one subscription: kind of message, type, document.

        Raises:
            RefusedError: the consumer or the shard is not known.
        """
        arns = {one["ConsumerARN"] for one in self.consumers.values()}
        if asked["ConsumerARN"] not in arns or asked["ShardId"] not in self.shards:
            raise RefusedError("ResourceNotFoundException", asked["ConsumerARN"])
        with self.lock:
            self.subscribed.append(asked)
            mine = self.owners[asked["ShardId"]] = self.owners.get(asked["ShardId"], 0) + 1
        return self._follow(asked, mine)

    def _follow(self, asked: Document, mine: int) -> Iterator[tuple[str, str, Document]]:
        shard, at = self.shards[asked["ShardId"]], int(asked["StartingPosition"].get("SequenceNumber") or 0)
        until, pause = time.monotonic() + self.subscription_seconds, 0.0
        while time.monotonic() < until:
            if self.owners[shard.name] != mine:
                yield "exception", "ResourceInUseException", {"message": "another subscription has the shard"}
                return
            found = self.records(shard, at, 5_000, PUSHED_BYTES)
            at += len(found)
            event: Document = {"Records": found, "MillisBehindLatest": shard.last - at}
            if shard.ended and at >= shard.last:
                children = [one for one in self.shards.values() if shard.name in one.parents]
                event["ChildShards"] = [{**self._described(one), "ParentShards": list(one.parents)} for one in children]
                yield "event", "SubscribeToShardEvent", event
                return
            if self.breaks and found:
                self.breaks -= 1
                raise ConnectionResetError
            yield "event", "SubscribeToShardEvent", {**event, "ContinuationSequenceNumber": str(at)}
            pause = 0.0 if found else 0.1
            time.sleep(pause)


def frame(kind: str, name: str, document: Document) -> bytes:
    """A message of AWS's event stream."""
    payload = json.dumps(document).encode()
    named = {":message-type": kind, f":{kind}-type": name, ":content-type": "application/json"}
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for key, value in named.items()
    )
    prelude = struct.pack("!II", len(headers) + len(payload) + 16, len(headers))
    start = prelude + struct.pack("!I", binascii.crc32(prelude)) + headers + payload
    return start + struct.pack("!I", binascii.crc32(start))


class KinesisHandler(BaseHTTPRequestHandler):
    """Answers the calls to one stream."""

    state: KinesisState

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        try:
            if operation == "SubscribeToShard":
                self._push(self.state.events(asked))
            else:
                self._reply(200, self.state.answer(operation, asked))
        except RefusedError as error:
            code, message = error.args
            self._reply(400, {"__type": code, "message": message})
        except ConnectionError:
            self.close_connection = True

    def _reply(self, status: int, document: Document) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _push(self, events: Iterator[tuple[str, str, Document]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.amazon.eventstream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._chunk(frame("event", "initial-response", {}))
        for event in events:
            self.state.sent += 1  # before: a reader may have the event at once
            self._chunk(frame(*event))
        self._chunk(b"")

    def _chunk(self, body: bytes) -> None:
        self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
        self.wfile.flush()

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(timestamp or time.time(), usegmt=True)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class KinesisServer(ThreadingHTTPServer):
    """A server that says nothing of consumers that went away."""

    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(state: KinesisState) -> Iterator[str]:
    """Serve a stream, and yield the address."""
    server = KinesisServer(("127.0.0.1", 0), type("Handler", (KinesisHandler,), {"state": state}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def main() -> None:
    """Serve made records in a process of its own; print the address, and end with the standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stream", required=True)
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--bytes", type=int, default=120)
    parser.add_argument("--consumer")
    options = parser.parse_args()
    filler = "x" * max(0, options.bytes - 90)

    def make(number: int) -> bytes:
        event = {"event_id": f"{number}-placed", "customer_id": number % 997, "amount": "12.50", "currency": "USD"}
        return json.dumps({**event, "note": filler}).encode()

    state = KinesisState(options.stream, make)
    state.add(1, options.records)
    if options.consumer:
        state.answer("RegisterStreamConsumer", {"ConsumerName": options.consumer})
    with serving(state) as address, suppress(KeyboardInterrupt):
        print(address, flush=True)
        input()


if __name__ == "__main__":
    with suppress(EOFError):
        main()
