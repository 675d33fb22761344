"""One simulated lake: bucket, catalog, contract, clock, and the product's own `Lake` over them."""

import hashlib
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
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord, StagedObject, StagedPartition
from lakeworks.lineage.openlineage import Lineage
from lakeworks.s3.object_store import ObjectStore
from tests.simulation.bucket import Bucket
from tests.simulation.clock import START, Clock, use
from tests.simulation.glue import Glue
from tests.simulation.scheduler import Client, Fate, Process, Request, Scheduler

MONTH = Period.parse("2026-01")
NEWER = "newer_field"  # a field of documents that a newer release writes
LAST = 900  # the run that begins after everything else
DAYS = tuple(Period.parse(f"2026-01-0{day}") for day in (1, 2, 3))


class _NoLineage(Lineage):
    """Lineage that is off: nothing of it is simulated."""

    @contextmanager
    def told(self, contract: Contract, manifest: RunRecord) -> Iterator[None]:
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


@dataclass(frozen=True)
class Content:
    """What one object holds: the rows of a run's day, and whether they passed their audit."""

    label: str
    audited: bool = True


@lru_cache(maxsize=4096)
def parquet(number: int, day: str, part: int = 0) -> bytes:
    """A tiny Parquet object whose rows carry a number."""
    table = pa.table({"id": [10 * part, 10 * part + 1], "number": [number] * 2, "day": [f"{day}T00:00:00"] * 2})
    table = table.set_column(2, "day", table["day"].cast(pa.timestamp("us")))
    sink = BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def sha256(body: bytes) -> str:
    """The hex digest of a body."""
    return hashlib.sha256(body).hexdigest()


@lru_cache
def contract(layout: str, version: str = "1.0.0", *columns: str) -> Contract:
    """The contract of the simulated table."""
    listed: dict[str, Any] = {
        "id": {"type": "bigint", "required": True, "description": "key"},
        "number": {"type": "bigint", "description": "the run"},
        "day": {"type": "timestamp", "description": "the day", "required": True},
        **{name: {"type": "string", "description": "came later"} for name in columns},
    }
    return Contract.model_validate(
        {
            "name": "silver.lake.days", "version": version, "description": "simulated", "team": "test", "grain": ["id"],
            "partition_by": ["day(day)"], "storage": {"layout": layout}, "columns": listed,
        }
    )  # fmt: skip


class World:
    """What exists in one history."""

    def __init__(
        self, layout: str, after_step: Callable[[Process, Request | None, Fate], None], parts: int = 1, days: int = 1
    ) -> None:
        self.clock = Clock()
        use(self.clock)
        self.layout = layout
        self.contract = contract(layout)
        self.bucket = Bucket(self.clock)
        self.glue = Glue()
        self.contents: dict[str, Content] = {}
        self.scheduler = Scheduler(self.clock, after_step)
        s3, glue = Client(self.bucket, self.scheduler), Client(self.glue, self.scheduler)
        self.lake = self.lake_of(s3, glue)
        self.parts = parts
        self.partitions = [Partition.of_period(day) for day in DAYS[:days]]
        table = self.contract.table
        self.ledger_folders = {partition: ledger_prefix(table, partition) for partition in self.partitions}
        self.live_folders = {partition: live_prefix(table, partition) for partition in self.partitions}

    def lake_of(self, s3: Any, glue: Any) -> Lake:
        """The product's lake over clients of this world."""
        return SimulatedLake(
            ObjectStore(s3, "lake", threads=1),
            GlueCatalog(glue, threads=1, sleep=self.sleep),
            _ENGINE,
            Path(gettempdir()),
            contract=lambda _: self.contract,
        )

    def sleep(self, _: float) -> None:
        """Give way to other processes."""
        self.scheduler.ask("sleep", {}, lambda: None)

    def run(self, number: int, attempt: int = 1) -> Run:
        """A scheduler's run; later numbers began later."""
        began = self.clock.now if number == LAST else START + timedelta(seconds=number)
        return Run(id=f"run-{number}", started_at=began, attempt=attempt)

    def stage(
        self, run: Run, period: Period, days: Sequence[Period], number: int, *, audited: bool = True, parts: int = 1
    ) -> RunRecord:
        """Stage a run's objects and its manifest, as write and audit leave them."""
        manifest = RunRecord(
            table=self.contract.name, period=str(period), run=run, contract_version="1.0.0", schema_fingerprint="f",
            balance=RowBalance(read=2, staged=2), partitions=(), audit={"passed": True} if audited else None,
        )  # fmt: skip
        staged = []
        for day in days:
            partition, objects = Partition.of_period(day), []
            for part in range(parts):
                body = parquet(number, str(day), part)
                digest = sha256(body)
                known = self.contents.get(digest)
                self.contents[digest] = Content(
                    f"rows of run {number}", audited or (known is not None and known.audited)
                )
                key = f"{manifest.prefix}{partition.path}/part-{part:05d}.parquet"
                self.lake.store.put(key, body)
                objects.append(StagedObject(key=key, size=len(body), sha256=digest, rows=2))
            staged.append(StagedPartition(partition=partition.path, objects=tuple(objects)))
        return manifest.model_copy(update={"partitions": tuple(staged)}).save(self.lake.store)


_ENGINE = DuckDbEngine()
