"""`lakeworks stream`: put records into a stream, land them, size a stream."""

import hashlib
import json
import logging
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from lakeworks.cli.arguments import AsJson
from lakeworks.cli.connection import client, connect
from lakeworks.cli.output import emit, emit_one, say
from lakeworks.cli.progress import waiting
from lakeworks.errors import ConfigError, RecordRefused
from lakeworks.streaming.checkpoint_table import CheckpointTable
from lakeworks.streaming.consumer import Consumer, LeasePolicy
from lakeworks.streaming.fan_out.fan_out_reader import find_consumer
from lakeworks.streaming.landed_batch import BatchLanding
from lakeworks.streaming.live.live_view import LiveView
from lakeworks.streaming.producer import FlushPolicy, Producer
from lakeworks.streaming.shard_ingest import BatchPolicy, nothing_more
from lakeworks.streaming.shards import StreamShards
from lakeworks.streaming.sizing import StreamLoad, size_stream
from lakeworks.streaming.stream_place import find_stream

StreamArgument = Annotated[str, typer.Argument(help="Name of the stream in lake.yml.", show_default=False)]
_REFUSED = 1


def put_records(
    name: StreamArgument,
    file: Annotated[
        Path, typer.Argument(help="File with one JSON object a line, or - for stdin.", show_default=False)
    ] = Path("-"),
    key: Annotated[str, typer.Option(help="Field of the object that chooses its shard.")] = "customer_id",
    max_age: Annotated[float, typer.Option(help="Seconds after which a record is sent at the latest.", min=0.01)] = 1.0,
    refused: Annotated[
        Path | None, typer.Option(help="Write lines that Kinesis cannot take to this file and go on.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put lines of a file or of stdin into a stream, each as one record.

    A line without the key field goes to a shard by its own bytes; the consumer judges it. Lines that Kinesis cannot take stop
    the command, or go to the file of --refused; then the exit code is 1.
    """
    stream = find_stream(name)
    left = 0
    with Producer(client("kinesis"), stream.kinesis_name, FlushPolicy(age_seconds=max_age)) as producer:
        with _opened(file) as lines, waiting(f"Sending {file}"):
            for number, line in enumerate(lines, 1):
                data = line.rstrip(b"\r\n")
                if not data.strip():
                    continue
                try:
                    producer.put(data, _key_of(data, key))
                except RecordRefused as error:
                    if refused is None:
                        raise RecordRefused(
                            f"Line {number} of `{file}`: {error} Or go on with --refused FILE."
                        ) from error
                    left += 1
                    with refused.open("ab") as kept:
                        kept.write(data + b"\n")
        producer.flush()
    counts = {**asdict(producer.counts), "refused": left}
    if as_json:
        emit_one({"stream": stream.kinesis_name, **counts})
    else:
        shards = len(producer.counts.by_shard)
        say(f"{counts['sent']:,} records sent to {stream.kinesis_name} in {counts['calls']:,} calls, {shards} shards.")
        say(f"{counts['resent']:,} were sent again, {left:,} refused.", style="dim")
    raise typer.Exit(_REFUSED if left else 0)


def show_size(
    records_per_s: Annotated[float, typer.Option("--records-per-s", help="Records a second at the busiest time.")],
    record_bytes: Annotated[int, typer.Option("--bytes", help="Mean bytes of a record with its key.")],
    consumers: Annotated[int, typer.Option(help="Programs that read the whole stream.")] = 1,
    hottest_share: Annotated[float, typer.Option(help="Share of the records that have the busiest key, 0 to 1.")] = 0.0,
    fan_out: Annotated[bool, typer.Option("--fan-out", help="Consumers have enhanced fan-out.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compute the shards of a load, and the price of both capacity modes."""
    sizing = size_stream(StreamLoad(records_per_s, record_bytes, consumers, hottest_share, fan_out))
    if as_json:
        emit_one({"shards": sizing.shards, "cheaper": sizing.cheaper, **asdict(sizing)})
        return
    rows: list[dict[str, Any]] = [{"bound": bound, "shards": shards} for bound, shards in sizing.by_bound.items()]
    emit(rows, as_json=False, title=f"{sizing.shards} shards")
    say(
        f"provisioned ${sizing.provisioned_usd:,.2f} a month, on-demand ${sizing.on_demand_usd:,.2f}: {sizing.cheaper} is"
    )
    say("cheaper if the load is always so (us-east-1 list prices; on-demand follows a load that changes).")
    for text in sizing.warnings:
        say(f"warning: {text}", style="yellow")


def _opened(file: Path) -> BinaryIO:
    if str(file) == "-":
        return sys.stdin.buffer
    try:
        return file.open("rb")
    except OSError as error:
        raise ConfigError(f"`{file}` cannot be read: {error.strerror}. Nothing was sent.") from error


def _key_of(data: bytes, field: str) -> str:
    try:
        identity = json.loads(data).get(field)
    except (ValueError, AttributeError, RecursionError):
        identity = None
    return str(identity)[:256] if identity not in (None, "") else hashlib.sha256(data).hexdigest()[:16]


def run_consumer(  # noqa: PLR0913, PLR0917 - each is an option of the command
    name: StreamArgument,
    max_records: Annotated[int, typer.Option(help="Records of one landing object at the most.", min=1)] = 10_000,
    max_bytes: Annotated[int, typer.Option(help="Bytes of its records at the most.", min=1)] = 16 << 20,
    max_age: Annotated[float, typer.Option(help="Seconds after which a record lands at the latest.", min=0)] = 60.0,
    settle: Annotated[float, typer.Option(help="Seconds after an hour until it can be closed.", min=0)] = 60.0,
    lease: Annotated[float, typer.Option(help="Seconds after which a dead process loses its shards.", min=1)] = 30.0,
    fan_out: Annotated[
        str | None, typer.Option(help="Read by enhanced fan-out as this consumer of lake.yml (`fan_out`).")
    ] = None,
) -> None:
    """Land a stream's records until SIGTERM or Ctrl-C.

    Then it lands what was read, and gives its shards to others. Start as many of these as you like, on any machine: they share
    the shards. It logs to stderr.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    place, lake, stop = find_stream(name), connect(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    table = CheckpointTable(client("dynamodb"), place.checkpoints, place.kinesis_name)
    consumer_arn = find_consumer(client("kinesis"), place.kinesis_name, fan_out) if fan_out else None
    consumer = Consumer(
        StreamShards(client("kinesis"), place.kinesis_name, table, consumer_arn=consumer_arn),
        BatchLanding(lake.store, place),
        BatchPolicy(max_records, max_bytes, max_age, settle),
        LeasePolicy(lease, min(5.0, lease / 3)),
        LiveView.of(client("dynamodb"), place) if place.view else nothing_more,
    )
    consumer.run(stop)
    say("drained", to_stderr=True)
