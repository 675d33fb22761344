"""What the processes of a history do: the product's own code, called as its tasks and commands call it."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakeworks.contract import Contract
from lakeworks.core.layout import ledger_key, ledger_prefix, run_key
from lakeworks.core.placement_stamp import BLANK_STAMP, STAMP_KEY, content_hash
from lakeworks.errors import LakeError, TransientError
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import ExtraColumn, StagedObject, StagedPartition
from lakeworks.maintenance import compaction
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.maintenance.crash_recovery import roll_forward
from lakeworks.maintenance.expiry import expire
from lakeworks.maintenance.garbage_collection import collect
from lakeworks.maintenance.renewal import renew
from lakeworks.maintenance.verification import repair, verify
from lakeworks.parquet.pinned_file import ObjectCache, PinnedObject
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.registration import publisher_of
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from lakeworks.releases.holding import hold_all
from lakeworks.s3.object_store import SHA256, Target
from tests.simulation import branches
from tests.simulation.inbox import drop, fetch
from tests.simulation.scenario import Actor
from tests.simulation.whole_runs import judge
from tests.simulation.world import DAYS, ELSEWHERE, MONTH, NEWER, Content, World

_TRIES = 3  # as many as Airflow makes


def work_of(world: World, actor: Actor) -> Callable[[], Any]:
    """The work of a process."""
    act = _ACTS[actor.kind]
    return lambda: _tried(lambda attempt: act(world, actor, attempt))


def _tried(act: Callable[[int], Callable[[], Any]]) -> Any:
    """Try a task as Airflow does: again after a transient error."""
    task = act(1)
    for attempt in range(1, _TRIES + 1):
        try:
            return task()
        except TransientError:
            if attempt == _TRIES:
                raise
    return None


def _write(world: World, actor: Actor, attempt: int) -> Callable[[], Any]:
    run = world.run(actor.number, attempt, _run_id(world, actor))
    days = [DAYS[day] for day in actor.days]
    period = MONTH if len(days) > 1 else days[0]
    lake = _newer_release(world) if actor.kind == "newer release" else world.lake
    manifest = world.stage(run, period, days, actor.rows, audited=actor.kind != "unaudited writer", parts=world.parts)
    if actor.kind == "schema writer":
        extra = (ExtraColumn(name=f"more{actor.number}", type="string"),)
        manifest = manifest.model_copy(update={"extra_columns": extra}).save(world.lake.store)
    return lambda: publish(lake, manifest.key)


def _run_id(world: World, actor: Actor) -> str:
    """The run's id: a person's replay is named by its moment, twins differ in a character that keys cannot hold."""
    if actor.kind == "replay":
        return f"replay__{world.clock.now:%Y%m%dT%H%M%S%f}"
    if actor.kind == "twin writer":
        return f"run{':+@!,;*()&'[actor.number % 10]}twin"
    return ""


def _newer_release(world: World) -> Lake:
    """A lake whose documents in the ledger have a field that this release does not know."""

    class Newer:
        def __getattr__(self, operation: str) -> Any:
            return getattr(world.lake.store.client, operation)

        def put_object(self, **arguments: Any) -> Any:
            if arguments["Key"].startswith("_ledger/"):
                arguments["Body"] = json.dumps({**json.loads(arguments["Body"]), NEWER: 1}).encode()
            return world.lake.store.client.put_object(**arguments)

    return world.lake_of(Newer(), world.lake.catalog.client)


def _partition(world: World, actor: Actor) -> Any:
    return world.partitions[actor.days[0]]


def _roll_forward(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    publisher = publisher_of(world.lake, world.contract)
    return lambda: publisher.recover(world.contract.table, _partition(world, actor))


def _repair(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    return lambda: repair(world.lake, world.contract, verify(world.lake, world.contract, patience=timedelta(0)))


def _catalog_repair(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    return lambda: list(compare_catalog(world.lake, world.contract, repair=True))


def _compact(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    return lambda: compaction.compact(world.lake, world.contract, _partition(world, actor))


def _rollback(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    return lambda: rollback(world.lake, world.contract, _partition(world, actor))


def _settle(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    """What every writer does that lost its number, and repair: bring objects, catalog and pins in line."""
    publisher = publisher_of(world.lake, world.contract)
    return lambda: publisher.settle(world.contract.table, _partition(world, actor))


def _withdraw(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    return lambda: withdraw(world.lake, world.contract, _partition(world, actor))


def _night(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    """The tasks of the DAG `lake_maintenance`, in its order; one that fails does not keep the next from running."""
    return lambda: night(world)


def night(world: World) -> None:
    """Do a night's maintenance."""
    lake, contract = world.lake, world.contract
    tasks: list[Callable[[], Any]] = [
        lambda: roll_forward(lake, contract),
        lambda: expire(lake, contract, dry_run=False),
        lambda: renew(lake, contract),
        lambda: list(compare_catalog(lake, contract, repair=True)),
        lambda: verify(lake, contract),
        lambda: hold_all(lake),
        lambda: collect(lake, [contract], dry_run=False),
    ]
    for task in tasks:
        with suppress(LakeError):
            task()


def _collect(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    return lambda: collect(world.lake, [world.contract], dry_run=False)


def _read(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    """Read by ledger in as many requests as that takes, whatever happens in between."""

    def read() -> None:
        for _ in range(3):
            entry = world.lake.ledger.live(world.contract.table, _partition(world, actor))
            for item in entry.objects if entry else ():
                body = PinnedObject(world.lake.store, item, ObjectCache()).read()
                assert content_hash(body) == item.sha256, f"`{item.key}` is not what publication {entry} names"
        _read_whole_runs(world)

    return read


def _read_whole_runs(world: World) -> None:
    """Read all days as `lakeworks sql` and transforms do, in as many requests as that takes."""
    if len(world.partitions) > 1:
        ledger, table = world.lake.with_whole_runs([world.contract.table]).ledger, world.contract.table
        found = {partition: ledger.newest(table, partition) for partition in world.partitions}
        judge(world, {partition: stored.entry for partition, stored in found.items() if stored})


def _vandalise(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    """Damage documents of other periods: an entry of another partition, a run's record; put a stray object beside them."""
    table = world.contract.table
    damaged = (
        ledger_key(table, ELSEWHERE, 1), run_key(table, DAYS[2], "broken.1"), f"{ledger_prefix(table, ELSEWHERE)}0.DS_Store",
    )  # fmt: skip
    return lambda: [world.lake.store.put(key, b"{broken") for key in damaged]


def _verify(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    return lambda: verify(world.lake, world.contract)


_ACTS: dict[str, Callable[[World, Actor, int], Callable[[], Any]]] = {
    "writer": _write,
    "unaudited writer": _write,
    "schema writer": _write,
    "newer release": _write,
    "confirming writer": _write,
    "replay": _write,
    "roll-forward": _roll_forward,
    "repair": _repair,
    "catalog repair": _catalog_repair,
    "compact": _compact,
    "rollback": _rollback,
    "settle": _settle,
    "withdraw": _withdraw,
    "gc": _collect,
    "verify": _verify,
    "reader": _read,
    "twin writer": _write,
    "vandal": _vandalise,
    "night": _night,
    "dropper": drop,
    "fetch": fetch,
    "dev lake": branches.dev_lake,
    "dev build": branches.dev_build,
    "promoter": branches.promote_again,
    "reader of dev lakes": branches.read_dev_lakes,
    "release": branches.release,
    "hold": branches.hold,
    "reader of releases": branches.read_releases,
}


def rewritten(world_of: Callable[[], World]) -> Callable[..., StagedPartition]:
    """Compaction's rewriting of rows, by Arrow: the simulation is about its requests, and DuckDB takes milliseconds."""

    def write(lake: Lake, _: Contract, live: LedgerEntry, prefix: str, __: Path) -> StagedPartition:
        bodies = [lake.store.get(item.key, item.version_id)[0] for item in live.objects]
        body = _merged(tuple(bodies))
        digest = content_hash(body)
        known = world_of().contents.get(live.objects[0].sha256)
        world_of().contents[digest] = Content(f"{known.label if known else 'unknown rows'}, compacted", bool(known))
        key = f"{prefix}{live.partition}/part-00000.parquet"
        lake.store.put(Target(key, {SHA256: digest}), body)
        staged = StagedObject(key=key, size=len(body), sha256=digest, rows=live.rows)
        return StagedPartition(partition=live.partition, objects=(staged,))

    return write


@lru_cache(maxsize=4096)
def _merged(bodies: tuple[bytes, ...]) -> bytes:
    sink = BytesIO()
    table = pa.concat_tables([pq.read_table(BytesIO(body)) for body in bodies]).combine_chunks()
    with pq.ParquetWriter(sink, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({STAMP_KEY: BLANK_STAMP})
    return sink.getvalue()
