"""Writers that are really killed (SIGKILL) while readers look: real processes, real endpoints.

A writer process publishes one Parquet partition of 500 rows that all carry one number. It kills itself at a named step of the
protocol, or is killed from outside after a random time. A reader process reads all along, by the plain path and through the
catalog, and notes every read that is not one complete, published content.
"""

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.managers import SyncManager
from pathlib import Path
from typing import Any

import pandas  # noqa: F401 - Arrow looks for it; imported before the fork, or every writer pays a second
import pyarrow as pa

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import LakeError
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.maintenance import garbage_collection as garbage
from lakeworks.maintenance.verification import verify
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.pipeline.publish_step import entry_for
from lakeworks.pipeline.registration import Registrar
from lakeworks_local.stack.parent import dying_with_parent
from tests.chaos.damage import unhealed, unrepaired
from tests.chaos.reader import read_forever
from tests.chaos.table import CONTRACT, ROWS, Endpoint, contract_at

STEPS = ("check", "reserve", "place", "placed", "register", "surplus", "complete")
FORK = multiprocessing.get_context("fork")  # every writer is a process of its own, without paying its imports again


@dataclass
class Tally:
    """What a run of the harness saw."""

    kills: int = 0
    published: int = 0
    refused: int = 0
    crashed: int = 0
    reads: int = 0
    bad: list[str] = field(default_factory=list)
    unhealed: list[str] = field(default_factory=list)  # wrong before the last publication, made in peace
    seconds: float = 0.0
    # Month and run of every writer that reported success.
    reported: list[tuple[str, str]] = field(default_factory=list)

    def count(self, exitcode: int | None, month: str, number: int) -> None:
        """Count how a writer ended."""
        self.kills += exitcode == -signal.SIGKILL
        self.published += exitcode == 0
        self.refused += exitcode == 3
        self.crashed += exitcode not in (0, 3, -signal.SIGKILL)
        if exitcode == 0:
            self.reported.append((month, f"run-{number}"))


def bound(bind: Callable[[], None], function: Callable[..., None], *arguments: Any) -> None:
    """What every forked process runs: its work, bound to the life of its owner."""
    bind()
    function(*arguments)


def publish(lake: Lake, number: int, month: str, attempt: int, die_at: str, scratch: Path) -> None:
    """The writer process: stage, publish, clean up; dies at a step if told to. Exit code 3 for an error of the tree.

    The lake's clients are made before the fork, which is dear, and connect after it, so that no connection is shared.
    """
    run = Run(
        id=f"run-{number}", started_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number), attempt=attempt
    )
    try:
        entries = staged(lake, number, month, run, scratch)

        def step(name: str) -> None:
            if name == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

        Publisher(lake.ledger, Registrar(lake, contract_at(lake)), on_step=step).publish(entries)
        lake.store.delete([item.key for item in lake.store.scan(entries[0].staging)])
    except LakeError:
        os._exit(3)
    os._exit(0)


def staged(lake: Lake, number: int, month: str, run: Run, scratch: Path) -> list[LedgerEntry]:
    """Stage one partition whose rows all carry `number`; returns the entries to publish."""
    period = Period.parse(month)
    manifest = RunRecord(
        table=CONTRACT.name, period=month, run=run, contract_version="1.0.0", schema_fingerprint="f",
        balance=RowBalance(read=ROWS, staged=ROWS), partitions=(), audit={"passed": True},
    )  # fmt: skip
    rows = pa.table({"id": range(ROWS), "number": [number] * ROWS}, schema=CONTRACT.arrow_schema)
    parts = PartitionedWriter(lake.store, contract_at(lake), manifest.prefix, period, scratch).write(rows.to_reader())
    return [entry_for(contract_at(lake), manifest, item) for item in parts]


@contextmanager
def reading(tally: Tally, read: Callable[..., None], *arguments: Any) -> Iterator[None]:
    """A reader process beside what happens in the block: `read(*arguments, stop, reads, bad)`."""
    manager = SyncManager(ctx=FORK)
    manager.start(bound_to_owner())
    with manager as shared:
        stop, reads, bad = shared.Event(), FORK.Value("q", 0), shared.list()
        reader = FORK.Process(target=bound, args=(bound_to_owner(), read, *arguments, stop, reads, bad))
        reader.start()
        try:
            yield
        finally:
            stop.set()
            reader.join(20)
            reader.kill()
            tally.reads += reads.value
            tally.bad += list(bad)


def storm(
    endpoint: Endpoint, kills: int, seed: int, scratch: Path, writers: int = 1, through: Endpoint | None = None
) -> Tally:
    """Kill writers, one after the other or several at once, until `kills` have died; then let one finish in peace.

    After every round, and after a repair at the end, ledger and objects are compared before that last one could heal them.
    `through` is the endpoint as the writers see it, where that is one that breaks requests.
    """
    chance, tally, began, number = random.Random(seed), Tally(), time.monotonic(), 0
    month, lake, writers_lake = "2019-01", endpoint.lake(), (through or endpoint).lake(fast_client=True)
    with reading(tally, read_forever, lake, month):
        while tally.kills < kills:
            crowd = []
            for _ in range(writers):
                number += 1
                die_at = chance.choice([*STEPS, "random", ""])
                # neighbours publish beside each other; numbers repeat, so that retries of killed runs happen too
                where = month if chance.random() < 0.8 else "2019-02"
                own = number - chance.choice([0, 0, 1])
                arguments = (writers_lake, own, where, number, die_at, scratch)
                writer = FORK.Process(target=bound, args=(bound_to_owner(), publish, *arguments))
                writer.start()
                crowd.append((writer, die_at, where, own))
            for writer, die_at, where, own in crowd:
                if die_at == "random":
                    time.sleep(chance.uniform(0, 0.15))
                    writer.kill()
                writer.join(60)
                tally.count(writer.exitcode, where, own)
            tally.unhealed += unhealed(lake, [contract_at(lake)])
        tally.unhealed += unrepaired(lake, [contract_at(lake)])
        for where in (month, "2019-02"):
            last = FORK.Process(target=bound, args=(bound_to_owner(), publish, lake, 10**6, where, 1, "", scratch))
            last.start()
            last.join(60)
            assert last.exitcode == 0, "after everything a writer publishes"
    tally.seconds = time.monotonic() - began
    return tally


def crowd(
    endpoint: Endpoint, rounds: int, scratch: Path, rivals: int = 3, neighbours: int = 3
) -> tuple[Tally, list[str]]:
    """Processes publish at the same moment: rivals one partition, neighbours one each; no one is killed.

    Returns what was seen and every neighbour that was refused, which no rival may cause.
    """
    tally, began, hindered = Tally(), time.monotonic(), []
    for number in range(1, rounds + 1):
        lake, start = endpoint.lake(fast_client=True), FORK.Barrier(rivals + neighbours)
        places = ["2019-01"] * rivals + [f"2019-{month:02d}" for month in range(2, neighbours + 2)]
        writers = []
        for index, month in enumerate(places):
            work = (lake, number * 10 + index, month, 1, "", scratch)
            writers.append(FORK.Process(target=bound, args=(bound_to_owner(), _at_once, start, *work)))
            writers[-1].start()
        for index, (writer, month) in enumerate(zip(writers, places, strict=True)):
            writer.join(60)
            tally.count(writer.exitcode, month, number * 10 + index)
            if month != "2019-01" and writer.exitcode != 0:
                hindered.append(f"round {number}: the writer of {month} ended with {writer.exitcode}")
        if not any(writer.exitcode == 0 for writer in writers[:rivals]):
            hindered.append(f"round {number}: of {rivals} rivals none published")
    tally.seconds = time.monotonic() - began
    return tally, hindered


def _at_once(start: Any, *work: Any) -> None:
    start.wait(30)
    publish(*work)


def bound_to_owner() -> Callable[[], None]:
    """To be called first in a forked process, made before the fork: it dies with this one, however this one ends."""
    return dying_with_parent(signal.SIGKILL)


def settled(endpoint: Endpoint, reported: Sequence[tuple[str, str]] = ()) -> list[str]:
    """Return what is wrong at the end of a storm over the chaos table; of writers that `reported` success, the ledger must know."""
    lake = endpoint.lake()
    return [*unnamed(lake, reported), *settled_tables(lake, [contract_at(lake)])]


def unnamed(lake: Lake, reported: Sequence[tuple[str, str]]) -> list[str]:
    """Return the runs that reported success and that no complete publication of their month is of."""
    named = {
        (month, entry.run.id)
        for month in {month for month, _ in reported}
        for entry in lake.ledger.history(CONTRACT.table, Partition.of_period(Period.parse(month)))
        if entry.is_live
    }
    return [f"{run} reported success on {month} and is not in the ledger" for month, run in {*reported} - named]


def settled_tables(lake: Lake, contracts: Sequence[Contract]) -> list[str]:
    """What is wrong with tables: nothing, once garbage older than any writer is collected."""
    wrong = [
        f"{finding.kind} {finding.partition}: {finding.detail}"
        for contract in contracts
        for finding in verify(lake, contract, deep=True, patience=timedelta(0))
    ]
    garbage.collect(lake, contracts, older_than=timedelta(0), dry_run=False)
    wrong += [f"left in staging: {item.key}" for item in lake.store.scan("_staging/")]
    for contract in contracts:
        for partition in lake.ledger.numbers(contract.table):
            states = {entry.state for entry in lake.ledger.history(contract.table, partition)}
            wrong += [f"{partition} states {states}"] if "publishing" in states else []
    return wrong
