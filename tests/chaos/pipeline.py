"""The whole pipeline killed: a month of trips is landed, written, audited and published in 31 days while a reader looks at each.

All rows of one run carry its number as their tip. Some runs carry a tip that the audit refuses, and some go from write to publish
without an audit: what they wrote must never be read. A writer is killed with SIGKILL after a random time in a random step.
"""

import io
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakeworks.contract import Contract, TableCheck, load_contract
from lakeworks.core.partition import Period
from lakeworks.errors import LakeError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.parquet.encoder import sha256_of
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.quality.pandas_validation import great_expectations
from lakeworks.sources import Download, NotModified
from lakeworks_local.replay.nyc_tlc import DATA
from tests.chaos.damage import unhealed, unrepaired
from tests.chaos.harness import FORK, Tally, bound, bound_to_owner, reading, settled_tables
from tests.chaos.table import Endpoint

MONTH = Period.parse("2019-01")
ZONES, BRONZE, SILVER = "reference.transport.zones", "bronze.transport.yellow_trips", "silver.transport.trips"
STEPS = ("land", "write bronze", "audit bronze", "publish bronze", "write", "audit", "publish")
REFUSED = 1_000_000  # tips from here on do not pass the audit
_CHECK = TableCheck(
    expectation="expect_column_values_to_be_between",
    kwargs={"column": "tip_amount_usd", "max_value": REFUSED - 1},
    description="",
)


@cache
def contract(name: str) -> Contract:
    """The shipped contracts, with one more check on the trips."""
    found = load_contract(name)
    return found.model_copy(update={"checks": (*found.checks, _CHECK)}) if name == SILVER else found


@cache
def trips() -> pa.Table:
    """Some six hundred plausible trips of the sample, some of every day."""
    table = pq.read_table(DATA / "yellow_tripdata_2019-01.parquet")
    days = pc.day(table["tpep_pickup_datetime"])
    some = [
        table.filter(pc.and_(pc.equal(days, day), pc.greater(table["fare_amount"], 0)))[:20] for day in range(1, 32)
    ]
    return pa.concat_tables(some)


@dataclass(frozen=True)
class Numbered:
    """A vendor whose month carries a number as every tip."""

    number: int

    def fetch(self, dataset: str, period: Period, *, known_etag: str | None, scratch: Path) -> Download | NotModified:
        """See `Source.fetch`."""
        path = scratch / f"{dataset}.parquet"
        if dataset == "zones":
            path = scratch / "zones.csv"
            path.write_bytes((DATA / "taxi_zone_lookup.csv").read_bytes())
        else:
            table = trips()
            tips = pa.array([float(self.number)] * len(table))
            pq.write_table(table.set_column(table.schema.get_field_index("tip_amount"), "tip_amount", tips), path)
        body = path.read_bytes()
        return Download(
            path, f"https://trips.example/{path.name}", f'"{self.number}"', None, sha256_of(body), len(body), _began(0)
        )


@dataclass
class Killed(Tally):
    """What a storm of pipelines saw; the kills by the step they struck."""

    by_step: Counter[str] = field(default_factory=Counter)


def steps(lake: Lake, number: int, attempt: int, *, audited: bool = True) -> list[Callable[[], object]]:
    """What the DAG's tasks do for a month, one after the other."""
    run, keys = Run(id=f"run-{number}", started_at=_began(number), attempt=attempt), {}

    def staged(table: str) -> None:
        keys[table] = write(lake, table, MONTH, run).key

    return [
        lambda: land(lake, contract(BRONZE), MONTH, run, Numbered(number)),
        lambda: staged(BRONZE),
        lambda: audit(lake, keys[BRONZE]),
        lambda: publish(lake, keys[BRONZE]),
        lambda: staged(SILVER),
        lambda: audit(lake, keys[SILVER]) if audited else None,
        lambda: publish(lake, keys[SILVER]),
    ]


def run_pipeline(lake: Lake, number: int, attempt: int, audited: bool, at: Any) -> None:
    """The writer process; `at` says which step it is in. Exit code 3 for an error of the tree."""
    try:
        for place, step in enumerate(steps(lake, number, attempt, audited=audited)):
            at.value = place
            step()
    except LakeError:
        os._exit(3)
    os._exit(0)


def first_publication(lake: Lake) -> dict[str, int]:
    """Publish once in peace; returns the rows of each day by its live key."""
    run = Run(id="zones", started_at=_began(0))
    land(lake, contract(ZONES), MONTH, run, Numbered(0))
    publish(lake, audit(lake, write(lake, ZONES, MONTH, run).key).key)
    for step in steps(lake, 1, 1):
        step()
    live = lake.ledger.live_partitions(contract(SILVER).table)
    return {entry.objects[0].key: entry.rows for entry in live.values()}


def pipeline_storm(endpoint: Endpoint, kills: int, seed: int, scratch: Path) -> tuple[Killed, list[str]]:
    """Kill pipelines until `kills` have died, then let one finish; returns what was seen and what is wrong at the end."""
    great_expectations()  # before the fork, or every writer pays seconds
    chance, tally, number, began = random.Random(seed), Killed(), 1, time.monotonic()
    lake = replace(endpoint.lake(), contract=contract, scratch=scratch)
    quick = replace(endpoint.lake(fast_client=True), contract=contract, scratch=scratch)
    days = first_publication(lake)
    with reading(tally, read_days, lake, days):
        while tally.kills < kills:
            number += 1
            kind = chance.choices(["good", "refused", "not audited"], [6, 1, 1])[0]
            tip = number if kind == "good" else number + REFUSED
            writer, at = _start(quick, tip, number, audited=kind != "not audited")
            step = chance.choice([*STEPS, "publish", "publish", ""]) if kind == "good" else ""
            _kill_in(writer, at, step, chance.uniform(0, 0.4))
            tally.by_step[STEPS[at.value]] += writer.exitcode == -signal.SIGKILL
            tally.kills += writer.exitcode == -signal.SIGKILL
            tally.published += writer.exitcode == 0
            tally.refused += writer.exitcode == 3
            tally.crashed += writer.exitcode not in (0, 3, -signal.SIGKILL)
            tally.unhealed += unhealed(lake, [contract(name) for name in (BRONZE, SILVER)])
        tally.unhealed += unrepaired(lake, [contract(name) for name in (BRONZE, SILVER)])
        last, _ = _start(quick, number + 1, 1, audited=True)
        last.join(120)
    tally.seconds = time.monotonic() - began
    wrong = [] if last.exitcode == 0 else ["after everything a run did not publish"]
    wrong += [f"{key}: not the last run's" for key in days if number_of(lake, key, days) != number + 1]
    return tally, wrong + settled_tables(lake, [contract(name) for name in (BRONZE, SILVER)])


def _start(lake: Lake, number: int, attempt: int, *, audited: bool) -> tuple[Any, Any]:
    at = FORK.Value("i", 0)
    writer = FORK.Process(target=bound, args=(bound_to_owner(), run_pipeline, lake, number, attempt, audited, at))
    writer.start()
    return writer, at


def _kill_in(writer: Any, at: Any, step: str, after: float) -> None:
    """Kill a writer some time after it has begun a step, or let it end."""
    while step and writer.is_alive() and at.value < STEPS.index(step):
        time.sleep(0.002)
    if step:
        writer.join(after)
        writer.kill()
    writer.join(120)


def read_days(lake: Lake, days: dict[str, int], stop: Any, reads: Any, bad: Any) -> None:
    """The reader process: every day is one whole, audited publication, all along."""
    while not stop.is_set():
        for key in days:
            try:
                number_of(lake, key, days)
            except LakeNotFound:
                bad.append(f"{key}: gone")
            except ValueError as error:
                bad.append(f"{key}: {error}")
            reads.value += 1
            time.sleep(0.002)


def number_of(lake: Lake, key: str, days: dict[str, int]) -> int:
    """The number that all rows of a day carry.

    Raises:
        ValueError: they are not whole, of several runs, or of one that was refused.
    """
    with suppress(pa.ArrowInvalid):
        numbers = pq.read_table(io.BytesIO(lake.store.get(key)[0]))["tip_amount_usd"].to_pylist()
        if len(numbers) == days[key] and len(set(numbers)) == 1 and numbers[0] < REFUSED:
            return int(numbers[0])
        raise ValueError(f"{len(numbers)} rows of {days[key]}, of the runs {sorted(set(numbers))}")
    raise ValueError("not readable")


def _began(number: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number % REFUSED)
