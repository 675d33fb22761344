"""Files that a person drops, corrects and drops again while fetches land them; in the end landing has what the inbox has."""

import gzip
import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from lakeworks.contract import Contract
from lakeworks.errors import LakeError
from lakeworks.landing.fetches import Fetches
from lakeworks.landing.files import prefix
from lakeworks.landing.inbox import LakeInbox
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.fetch_step import land
from lakeworks.sources.files.file_drop import FileDrop
from tests.simulation.scenario import Actor
from tests.simulation.world import DAYS, World

_FOLDER = f"inbox/events/{DAYS[0]}/"


@lru_cache
def events() -> Contract:
    """The contract of the dropped files."""
    columns = {"id": {"type": "bigint", "required": True, "description": "key"}}
    return Contract.model_validate(
        {
            "name": "bronze.lake.events", "version": "1.0.0", "description": "simulated", "team": "test", "grain": ["id"],
            "source": "file_drop.events", "columns": columns, "partition_by": ["day"],
        }
    )  # fmt: skip


def drop(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    """Drop files one after the other: two names that differ in their ending only, one that is broken, then corrections."""

    def put() -> None:
        for number, name in enumerate(_dropped(actor.number)):
            body = b'{"id": broken' if number == 2 else json.dumps({"id": number}).encode() + b"\n"
            if name.endswith(".gz"):
                body = gzip.compress(body, mtime=0)
            world.lake.store.put(f"{_FOLDER}{name}", body)

    return put


def _dropped(number: int) -> Iterator[str]:
    yield from ("a.jsonl", "till.jsonl", "b.jsonl", "till.jsonl.gz")
    yield from ("b.jsonl", "a.jsonl") if number % 2 else ("a.jsonl", "b.jsonl")


def fetch(world: World, actor: Actor, attempt: int) -> Callable[[], Any]:
    """Land what lies in the inbox."""
    run = Run(id=f"fetch-{actor.number}", started_at=world.clock.now, attempt=attempt)
    return lambda: land(world.lake, events(), DAYS[0], run, FileDrop(LakeInbox(world.lake.store)))


def lost_files(world: World) -> str:
    """Land once more in peace, and say which dropped file landing does not hold as it is in the inbox."""
    dropped = {key.removeprefix(_FOLDER): world.bucket.keys[key][-1].body for key in world.bucket.below(_FOLDER)}
    if not dropped:
        return ""
    try:
        fetch(world, Actor("the last fetch", "fetch", 900), 1)()
        landed = Fetches.below(world.lake, prefix(events(), DAYS[0])).newest()
    except LakeError as error:
        return "" if b"broken" in b"".join(dropped.values()) else f"the last fetch failed: {error}"
    bodies = {item.request: _body(world, item.key) for item in landed.answers} if landed else {}
    wrong = [name for name, body in dropped.items() if bodies.get(name) != body]
    return f"`{wrong[0]}` is not landed as it lies in the inbox" if wrong else ""


def _body(world: World, key: str) -> bytes:
    found = world.bucket.current(key)
    return found.body if found else b""
