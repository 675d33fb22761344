"""Promotions of dev lakes that are killed with SIGKILL beside live runs: all months of a promotion become live, or none.

A dev lake is built over the live lake. A process promotes it and kills itself at one of its requests, while live runs publish one or
all of the same months and another process rolls unfinished publications forward. A reader of whole runs looks all along. Then
the promotion is repeated until it ends, promoted or refused.
"""

import io
import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakeworks.branches.document import DevRegister
from lakeworks.core.partition import Partition, Period
from lakeworks.dev.closing import drop
from lakeworks.dev.opening import DevRequest, open_dev_lake
from lakeworks.dev.promotion import promote
from lakeworks.errors import LakeError, LostRace, PromotionRefused, StaleBuild
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.maintenance.crash_recovery import roll_forward
from lakeworks.maintenance.verification import verify
from lakeworks.parquet.partition_writer import PartitionedWriter
from lakeworks.parquet.pinned_file import ObjectCache, PinnedObject
from lakeworks.pipeline.publish_step import publish
from tests.chaos.harness import FORK, Tally, bound, bound_to_owner, reading
from tests.chaos.table import ROWS, Endpoint, contract_at

PERIOD = Period.parse("2019-01")  # the name that runs over all months have
MONTHS = tuple(Period.parse(f"2019-0{month}") for month in (1, 2, 3))
PARTITIONS = tuple(Partition.of_period(month) for month in MONTHS)
# A promotion of three months sends about as many requests.
_REQUESTS = 70


@dataclass
class Promotions:
    """How promotions ended."""

    promoted: int = 0
    refused: int = 0
    halves: int = 0


def build(lake: Lake, run: Run, number: int, months: tuple[Period, ...], scratch: Path) -> None:
    """Publish months whose rows all carry one number, as a run does after its audit."""
    period, wanted = PERIOD if len(months) > 1 else months[0], contract_at(lake)
    manifest = RunRecord(
        table=wanted.name, period=str(period), run=run, contract_version="1.0.0", schema_fingerprint="f",
        balance=RowBalance(read=ROWS, staged=ROWS), partitions=(), audit={"passed": True},
    )  # fmt: skip
    rows = pa.table({"id": range(ROWS), "number": [number] * ROWS}, schema=wanted.arrow_schema)
    parts = [
        part
        for month in months
        for part in PartitionedWriter(lake.store, wanted, manifest.prefix, month, scratch).write(rows.to_reader())
    ]
    publish(lake, manifest.model_copy(update={"partitions": tuple(parts)}).save(lake.store).key)


def _run(number: int) -> Run:
    return Run(id=f"run-{number}", started_at=datetime.now(UTC))


def _publish(endpoint: Endpoint, number: int, months: tuple[Period, ...], delay: float, scratch: Path) -> None:
    """A live run. Exit code 3 for an error of the tree."""
    lake = endpoint.lake()
    time.sleep(delay)
    try:
        build(lake, _run(number), number, months, scratch)
    except LakeError:
        os._exit(3)
    os._exit(0)


def _roll_forward(endpoint: Endpoint, delay: float) -> None:
    lake = endpoint.lake()
    time.sleep(delay)
    try:
        roll_forward(lake, contract_at(lake))
    except LakeError:
        os._exit(3)
    os._exit(0)


def _promote(endpoint: Endpoint, name: str, die_at: int) -> None:
    """A promotion that dies at its request of this number."""
    lake, sent = endpoint.lake(), 0

    def count(**_: Any) -> None:
        nonlocal sent
        sent += 1
        if sent == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    lake.store.client.meta.events.register("before-send.s3", count)
    try:
        promote(lake, name, [contract_at(lake)])
    except LakeError:
        os._exit(3)
    os._exit(0)


def read_forever(lake: Lake, stop: Any, reads: Any, bad: Any) -> None:
    """The reader process: every month is one whole content, and no promotion is seen beside rows older than it."""
    table = contract_at(lake).table
    while not stop.is_set():
        time.sleep(0.002)
        try:
            ledger = lake.with_whole_runs([table]).ledger
            found = [stored.entry for part in PARTITIONS if (stored := ledger.newest(table, part))]
            numbers = [_numbers(lake, entry.objects) for entry in found]
        except LakeError:
            continue  # the endpoint failed
        reads.value += 1
        if len(found) < len(MONTHS) or any(len(one) != ROWS or len(set(one)) != 1 for one in numbers):
            bad.append(f"{[(len(one), sorted(set(one))) for one in numbers]}")
        for shown in found:
            older = [one for one in found if one.run.order < shown.run.order]
            if shown.promoted_from and older:
                bad.append(f"{shown.parsed} shows {shown.run.id}, and {older[0].parsed} shows {older[0].run.id}")


def _numbers(lake: Lake, objects: Any) -> list[int]:
    bodies = (PinnedObject(lake.store, item, ObjectCache()).read() for item in objects)
    return [number for body in bodies for number in pq.read_table(io.BytesIO(body))["number"].to_pylist()]


def promotion_storm(endpoint: Endpoint, kills: int, seed: int, scratch: Path) -> tuple[Tally, Promotions]:
    """Kill promotions until `kills` have died; after each round compare ledger, objects and catalog."""
    chance, tally, ends, began, number = random.Random(seed), Tally(), Promotions(), time.monotonic(), 1
    lake = endpoint.lake()
    build(lake, _run(number), number, MONTHS, scratch)
    with reading(tally, read_forever, endpoint.lake()):
        while tally.kills < kills:
            number += 1
            name = f"fix-{number}"
            _develop(lake, name, number, scratch)
            promoter = FORK.Process(
                target=bound, args=(bound_to_owner(), _promote, endpoint, name, chance.randint(5, _REQUESTS))
            )
            others = list(_others(endpoint, chance, 1000 + 10 * number, scratch))
            for process in (promoter, *others):
                process.start()
            for process in (promoter, *others):
                process.join(60)
            tally.kills += promoter.exitcode == -signal.SIGKILL
            tally.crashed += promoter.exitcode not in (0, 3, -signal.SIGKILL)
            tally.published += sum(process.exitcode == 0 for process in others[:-1])
            tally.refused += sum(process.exitcode == 3 for process in others[:-1])
            tally.crashed += sum(process.exitcode not in (0, 3) for process in others)
            tally.unhealed += [f"{name}: {wrong}" for wrong in _ended(lake, name, ends)]
    tally.seconds = time.monotonic() - began
    return tally, ends


def _develop(lake: Lake, name: str, number: int, scratch: Path) -> None:
    open_dev_lake(lake, [contract_at(lake)], DevRequest(name))
    dev = lake.over(DevRegister(lake.store).read(name).document)
    build(dev, _run(number), 10**6 + number, MONTHS, scratch)


def _others(endpoint: Endpoint, chance: random.Random, number: int, scratch: Path) -> Iterator[Any]:
    """Live runs of one or all months, mostly at the same moment, and a roll-forward."""
    for index in range(chance.choice((0, 1, 2))):
        months = chance.choice((MONTHS, *((month,) for month in MONTHS)))
        work = (_publish, endpoint, number + index, months, chance.uniform(0, 0.5), scratch)
        yield FORK.Process(target=bound, args=(bound_to_owner(), *work))
    yield FORK.Process(target=bound, args=(bound_to_owner(), _roll_forward, endpoint, chance.uniform(0, 0.5)))


def _ended(lake: Lake, name: str, ends: Promotions) -> Iterator[str]:
    """Repeat the promotion until it ends, remove the dev lake, and yield what is wrong then."""
    contract = contract_at(lake)
    for _ in range(3):
        try:
            promote(lake, name, [contract])
        except (LostRace, StaleBuild):
            continue
        except PromotionRefused:
            pass
        break
    drop(lake, name)
    histories = [lake.ledger.history(contract.table, partition) for partition in PARTITIONS]
    ours = [sum(one.is_live and one.promoted_from.startswith(f"{name}.") and one.kind == "publish" and
                one.run.id.startswith("promote-") for one in history) for history in histories]  # fmt: skip
    ends.promoted += all(ours)
    ends.refused += not any(ours)
    if any(ours) and not all(ours):
        ends.halves += 1
        yield f"live in {sum(map(bool, ours))} of {len(MONTHS)} months"
    roll_forward(lake, contract)
    for finding in verify(lake, contract, deep=True, patience=timedelta(0)):
        if finding.kind in ("half a run", "run without number") and "`promote-" not in finding.detail:
            continue  # of a live run that lost a race: its next attempt, which the storm does not make, publishes the rest
        yield f"{finding.kind} {finding.partition}: {finding.detail}"
