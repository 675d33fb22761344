"""A stream under fire: producers, consumers and the steps of the hourly DAG are killed with SIGKILL, a tenth of requests broken.

A producer that was killed puts its events again, as at-least-once producers do. A shard is split and two are merged meanwhile, and
the current hour is closed early, so that its steps run beside the stream. At the end every event must be in silver once, every
record counted, and the live view must agree with gold.
"""

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.contract import load_contract
from lakeworks.core.partition import Period, period_range
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.errors import LakeError, StreamUnavailable
from lakeworks.infrastructure.stream_config import LiveViewConfig
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.s3.object_store import ObjectStore
from lakeworks.sources import SourceConnection, open_source
from lakeworks.streaming.consumer import LeasePolicy
from lakeworks.streaming.live.live_view import LiveView
from lakeworks.streaming.live.published_rows import PublishedRows
from lakeworks.streaming.live.reconciliation import reconcile
from lakeworks.streaming.producer import Producer
from lakeworks.streaming.shard_ingest import BatchPolicy
from lakeworks.streaming.windows import LandedWindows, close_hour
from tests.chaos.harness import FORK, bound, bound_to_owner
from tests.conftest import client, new_store
from tests.faults.fault_proxy import proxy, sometimes
from tests.faults.line import impatient
from tests.lakeworks.streaming.conftest import Shop, new_shop, new_stream
from tests.lakeworks.streaming.reshard import merge, split

TABLES = ("bronze.commerce.stream_events", "silver.commerce.events", "gold.commerce.hourly_sales")
VIEW = LiveViewConfig(
    compare_with="SELECT sales_date AS day, sales_hour AS hour, currency, event_count AS events, net_amount AS amount "
    "FROM gold_commerce.hourly_sales",
    events_from="SELECT sales_date AS day, sales_hour AS hour, currency, event_id, amount FROM silver_commerce.events",
)
_CHUNK = 20
_REFUSED = 3


@dataclass
class StreamTally:
    """What a storm saw."""

    producers: int = 0
    consumers: int = 0
    steps: int = 0
    events: int = 0
    records: int = 0
    broken: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """All processes that died by SIGKILL."""
        return self.producers + self.consumers + self.steps


def stream_storm(url: str, kills: int, seed: int, folder: Path) -> StreamTally:
    """Play a storm on a stream of its own; a tenth of the requests of everything that is killed break."""
    shop = new_shop(new_stream(url, 2), new_store(url), url, "commerce")
    config = folder / "stream-lake.yml"
    config.write_text(f"streams: [{{name: commerce, kinesis_name: {shop.stream.name}}}]\n")
    glue = client("glue", url)
    for database in glue.get_databases()["DatabaseList"]:
        glue.delete_database(Name=database["Name"])
    # a client of its own: the killed processes inherit it, and must not share its connections
    lake = Lake(shop.store, GlueCatalog(client("glue", url)), DuckDbEngine(scratch=folder), folder)
    before = os.environ.get("LAKE_CONFIG_FILE")
    os.environ["LAKE_CONFIG_FILE"] = str(config)
    try:
        with proxy(url) as (through, faults):
            faults.choose(sometimes(0.1, seed=seed))
            tally = StreamStorm(shop, lake, partial(impatient, url=through), random.Random(seed)).run(kills)
            tally.broken = len(faults.broken)
            return tally
    finally:
        os.environ.pop("LAKE_CONFIG_FILE")
        if before is not None:
            os.environ["LAKE_CONFIG_FILE"] = before


@dataclass
class StreamStorm:
    """One stream and the lake it lands in. `through` gives clients whose requests break."""

    shop: Shop
    lake: Lake
    through: Callable[[str], Any]
    chance: random.Random
    began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def run(self, kills: int) -> StreamTally:
        """Kill until so many have died, then let everything finish in peace and look."""
        tally, crew, number = StreamTally(), [self._start(self._consume) for _ in range(2)], 0
        producer, step = self._start(self._produce, 0), None
        while tally.kills < kills:
            time.sleep(self.chance.uniform(0.05, 0.3))
            place = self.chance.randrange(len(crew))
            if self.chance.random() < 0.4:
                tally.consumers += _killed(crew[place])
                crew[place] = self._start(self._consume)
            if self.chance.random() < 0.2:
                tally.producers += _killed(producer)
            if not producer.is_alive():
                number += producer.exitcode == 0  # a killed or broken one puts its events again
                producer = self._start(self._produce, number)
            if step is not None and self.chance.random() < 0.5:
                tally.steps += _killed(step)
            if tally.kills > kills // 4 and step is None:
                split(self.shop)
                self._close_early()
            if tally.kills > kills // 4 and (step is None or not step.is_alive()):
                step = self._start(self._publish, self.began, number)
        merge(self.shop)
        for process in filter(None, (*crew, producer, step)):
            _killed(process)
        tally.events = (number + 1) * _CHUNK
        return self._peace(tally, number)

    def _peace(self, tally: StreamTally, number: int) -> StreamTally:
        with Producer(self.shop.stream.kinesis, self.shop.stream.name) as producer:
            for event in _events(number, self.began):
                producer.put(json.dumps(event).encode(), key=event["event_id"])
        self.shop.finish(self.shop.consumer(after_landing=self._view(self.shop.dynamodb)))
        end = Period.containing(datetime.now(UTC), "hour").next
        for one in self.shop.table.all().values():
            self.shop.table.save(one, one.next_write(closed_through=end.end.isoformat()))
        for hour in period_range(Period.containing(self.began, "hour"), end.end):
            self._build(self.lake, hour, 10**6, self.shop.dynamodb)
        tally.records = sum(one.totals.records for one in self.shop.table.all().values())
        tally.wrong = self._wrong(tally)
        return tally

    def _wrong(self, tally: StreamTally) -> list[str]:
        day = f"{self.began:%Y-%m-%d}"
        rows = PublishedRows(self.lake, day)
        (silver,) = rows("SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM silver_commerce.events", 2)
        (bronze,) = rows("SELECT count(*) AS n FROM bronze_commerce.stream_events", 2)
        wrong = []
        if (silver["n"], silver["ids"]) != (tally.events, tally.events):
            wrong.append(f"silver has {silver}, and {tally.events} events were put")
        if bronze["n"] != tally.records:
            wrong.append(f"bronze has {bronze['n']} records, and {tally.records} landed")
        if tally.records < tally.events:
            wrong.append(f"{tally.records} records landed, and {tally.events} events were put")
        result = reconcile(self._view(self.shop.dynamodb), day, rows)
        return [
            *wrong,
            *(f"live and batch differ: {row}" for row in (*result.sums, *result.events) if row.get("differs", True)),
        ]

    def _view(self, dynamodb: Any) -> LiveView:
        return LiveView(dynamodb, str(self.shop.place.live_view), VIEW, timedelta(days=8))

    def _start(self, work: Callable[..., None], *arguments: Any) -> BaseProcess:
        process = FORK.Process(target=bound, args=(bound_to_owner(), _ended, work, *arguments))
        process.start()
        return process

    def _close_early(self) -> None:
        with suppress(StreamUnavailable):
            close_hour(self.shop.table, Period.containing(datetime.now(UTC), "hour"), datetime.now(UTC))

    def _consume(self) -> None:
        dynamodb = self.through("dynamodb")
        consumer = self.shop.consumer(
            kinesis=self.through("kinesis"),
            dynamodb=dynamodb,
            store=ObjectStore(self.through("s3"), self.shop.store.bucket, threads=1),
            policy=BatchPolicy(records=15, age_seconds=0.05, settle_seconds=0),
            leases=LeasePolicy(lease_seconds=1, look_seconds=0.1, read_seconds=0.02, pause_seconds=0.05),
            after_landing=self._view(dynamodb),
        )
        consumer.run(threading.Event())

    def _produce(self, number: int) -> None:
        with Producer(self.through("kinesis"), self.shop.stream.name) as producer:
            for event in _events(number, self.began):
                producer.put(json.dumps(event).encode(), key=event["event_id"])
                producer.flush()
                time.sleep(0.01)  # long enough to be killed in the middle

    def _publish(self, moment: datetime, number: int) -> None:
        store = ObjectStore(self.through("s3"), self.shop.store.bucket, threads=1)
        self._build(
            replace(self.lake, store=store), Period.containing(moment, "hour"), number, self.through("dynamodb")
        )

    def _build(self, lake: Lake, hour: Period, number: int, dynamodb: Any) -> None:
        """What the DAG does for an hour; the audit has tests of its own."""
        run = Run(id=f"run-{hour}-{number}", started_at=datetime.now(UTC))
        access = SourceConnection(windows=LandedWindows(lake.store, lambda: dynamodb))
        land(lake, load_contract(TABLES[0]), hour, run, open_source("stream", access=access))
        for table in TABLES:
            staged = write(lake, table, hour, run)
            publish(lake, staged.model_copy(update={"audit": {"passed": True}}).save(lake.store).key)


def _events(number: int, at: datetime) -> list[dict[str, Any]]:
    """A producer's chunk; repeated, it is the same."""
    return [
        {
            "event_id": f"{one}-placed", "event_type": "order_placed", "occurred_at": at.isoformat(timespec="seconds"),
            "order_id": one, "customer_id": one % 7, "location_id": 367, "channel": "pos", "amount": "0.10", "currency": "USD",
        }
        for one in range(number * _CHUNK, (number + 1) * _CHUNK)
    ]  # fmt: skip


def _ended(work: Callable[..., None], *arguments: Any) -> None:
    try:
        work(*arguments)
    except LakeError:
        raise SystemExit(_REFUSED) from None


def _killed(process: BaseProcess) -> int:
    """Kill it; return 1 if it lived."""
    process.kill()
    process.join(30)
    return int(process.exitcode == -signal.SIGKILL)
