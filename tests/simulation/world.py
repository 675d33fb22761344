"""One simulated lake: bucket, catalog, contract, clock, and the product's own `Lake` over them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.contract import Contract
from lakeworks.core.layout import ledger_prefix, live_prefix
from lakeworks.core.partition import Partition, Period
from lakeworks.core.placement_stamp import BLANK_STAMP, STAMP_KEY, content_hash
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord, StagedObject, StagedPartition
from lakeworks.lineage.openlineage import Lineage
from lakeworks.s3.object_store import SHA256, ObjectStore, Target
from tests.simulation.bucket import Bucket
from tests.simulation.clock import START, Clock, use
from tests.simulation.glue import Glue
from tests.simulation.scenario import Scenario
from tests.simulation.scheduler import Client, Fate, Process, Request, Scheduler

MONTH = Period.parse("2026-01")
ELSEWHERE = Partition.of_period(Period.parse("2026-02-01"))  # a partition that no process of a history writes
NEWER = "newer_field"  # a field of documents that a newer release writes
NEXT = 800  # a run that begins after all processes
LAST = 900  # the run that begins after everything else
DAYS = tuple(Period.parse(f"2026-01-0{day}") for day in (1, 2, 3))


class _NoLineage(Lineage):
    """Lineage that is off: nothing of it is simulated."""

    @contextmanager
    def reporting(self, contract: Contract, manifest: RunRecord) -> Iterator[None]:
        yield

    def restated(self, *_: Any) -> None:
        """Send nothing."""

    def rolled_forward(self, *_: Any) -> None:
        """Send nothing."""


class SimulatedLake(Lake):
    """The product's lake without lineage."""

    @property
    def lineage(self) -> Lineage:
        """Lineage that is off."""
        return _NoLineage("s3://lake", self.emit, self.contract, None)


class _Store(ObjectStore):
    """The product's store, whose addresses need no look at tenants and buckets of layers: it has neither."""

    def at(self, key: str) -> str:
        """Return the key."""
        return key

    def place(self, key: str) -> Any:
        """Return the key as a request names it."""
        return {"Key": key}

    def uri(self, key: str) -> str:
        """Return the address of a key."""
        return f"s3://lake/{key}"


@dataclass(frozen=True)
class Content:
    """What one object holds: the rows of a run's day, and whether they passed their audit."""

    label: str
    audited: bool = True


@lru_cache(maxsize=4096)
def parquet(number: int, day: str, part: int = 0) -> bytes:
    """A tiny Parquet object whose rows carry a number."""
    table = pa.table({"id": [10 * part, 10 * part + 1], "number": [number] * 2, "at": [f"{day}T00:00:00"] * 2})
    table = table.set_column(2, "at", table["at"].cast(pa.timestamp("us")))
    sink = BytesIO()
    with pq.ParquetWriter(sink, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({STAMP_KEY: BLANK_STAMP})
    return sink.getvalue()


@lru_cache
def contract(layout: str, expires: int = 0, archived: int = 0) -> Contract:
    """The contract of the simulated table."""
    listed: dict[str, Any] = {
        "id": {"type": "bigint", "required": True, "description": "key"},
        "number": {"type": "bigint", "description": "the run"},
        "at": {"type": "timestamp", "description": "the day", "required": True},
    }
    retention = {"expire_after_days": expires or None, "deep_archive_after_days": archived or None}
    return Contract.model_validate(
        {
            "name": "silver.lake.days", "version": "1.0.0", "description": "simulated", "team": "test", "grain": ["id"],
            "partition_by": ["day(at)"], "storage": {"layout": layout}, "columns": listed,
            "retention": retention,
        }
    )  # fmt: skip


class World:
    """What exists in one history."""

    def __init__(self, scenario: Scenario, after_step: Callable[[Process, Request | None, Fate], None]) -> None:
        self.clock = Clock()
        use(self.clock)
        self.layout = scenario.layout
        self.contract = contract(scenario.layout, scenario.expires, scenario.archived)
        self.bucket = Bucket(self.clock)
        self.glue = Glue()
        self.contents: dict[str, Content] = {}
        self.staged: dict[str, dict[Partition, str]] = {}  # by run: the days it staged, each with its content
        self.staged_alone: set[tuple[Partition, str]] = set()  # what runs of one day staged
        self.scheduler = Scheduler(self.clock, after_step)
        s3, glue = Client(self.bucket, self.scheduler), Client(self.glue, self.scheduler)
        self.lake = self.lake_of(s3, glue)
        self.parts = scenario.parts
        self.is_archived = scenario.archived > 0
        self.rules: list[dict[str, Any]] = []  # the bucket's lifecycle
        self.rules_of_keys: dict[str, list[dict[str, Any]]] = {}
        self.partitions = [Partition.of_period(day) for day in DAYS[: scenario.days]]
        table = self.contract.table
        self.ledger_folders = {partition: ledger_prefix(table, partition) for partition in self.partitions}
        self.live_folders = {partition: live_prefix(table, partition) for partition in self.partitions}

    def lake_of(self, s3: Any, glue: Any) -> Lake:
        """The product's lake over clients of this world."""
        return SimulatedLake(
            _Store(s3, "lake", threads=1),
            GlueCatalog(glue, threads=1, sleep=self.sleep),
            _ENGINE,
            Path(gettempdir()),
            contract=lambda _: self.contract,
        )

    def sleep(self, _: float) -> None:
        """Give way to other processes."""
        self.scheduler.ask("sleep", {}, lambda: None)

    def run(self, number: int, attempt: int = 1, name: str = "") -> Run:
        """A scheduler's run; later numbers began later."""
        began = (
            self.clock.now if number in (NEXT, LAST) or name.startswith("replay") else START + timedelta(seconds=number)
        )
        return Run(id=name or f"run-{number}", started_at=began, attempt=attempt)

    def stage(
        self,
        run: Run,
        period: Period,
        days: Sequence[Period],
        number: int,
        *,
        audited: bool = True,
        parts: int = 1,
        store: ObjectStore | None = None,
    ) -> RunRecord:
        """Stage a run's objects and its manifest, as write and audit leave them; in a dev lake, in its store."""
        store = store or self.lake.store
        manifest = RunRecord(
            table=self.contract.name, period=str(period), run=run, contract_version="1.0.0", schema_fingerprint="f",
            balance=RowBalance(read=2, staged=2), partitions=(), audit={"passed": True} if audited else None,
        )  # fmt: skip
        staged = []
        for day in days:
            partition, objects = Partition.of_period(day), []
            for part in range(parts):
                body = parquet(number, str(day), part)
                digest = content_hash(body)
                known = self.contents.get(digest)
                self.contents[digest] = Content(
                    f"rows of run {number}", audited or (known is not None and known.audited)
                )
                key = f"{manifest.prefix}{partition.path}/part-{part:05d}.parquet"
                store.put(Target(key, {SHA256: digest}), body)
                objects.append(StagedObject(key=key, size=len(body), sha256=digest, rows=2))
            staged.append(StagedPartition(partition=partition.path, objects=tuple(objects)))
            self.staged.setdefault(run.id, {})[partition] = staged[-1].content
            if len(days) == 1:
                self.staged_alone.add((partition, staged[-1].content))
        return manifest.model_copy(update={"partitions": tuple(staged)}).save(store)


_ENGINE = DuckDbEngine()
