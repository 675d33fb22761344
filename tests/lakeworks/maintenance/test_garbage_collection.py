"""Garbage is what is old as a whole and has been dead for long: ages that differ within one folder or one partition."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lakeworks.ledger.run_record import Run
from lakeworks.maintenance import garbage_collection as garbage
from tests.protocol.test_versioned import Publishing, contract, table
from tests.support.memory_s3 import memory_lake

RunAt = Callable[..., Run]
WEEKS = timedelta(weeks=3)


@pytest.fixture
def large(tmp_path: Path) -> Publishing:
    """A versioned table in a lake whose objects can be aged."""
    wanted = contract()
    return Publishing(replace(memory_lake(tmp_path), contract=lambda _: wanted), wanted)


def age(large: Publishing, prefix: str) -> list[str]:
    """Make what lies below a prefix three weeks older."""
    client: Any = large.lake.store.client
    keys = [item.key for item in large.lake.store.scan(prefix)]
    for key in keys:
        client.objects[key]["modified"] -= WEEKS
    return keys


def collected(large: Publishing) -> list[tuple[str, int]]:
    return [(item.kind, item.objects) for item in garbage.collect(large.lake, [large.wanted], dry_run=False)]


def test_a_staging_folder_with_one_young_file_is_left_alone(large: Publishing) -> None:
    folder = "_staging/silver/test/large/period=2019-01/slow.1/"
    large.lake.store.put(f"{folder}part-00000.parquet", b"old")
    age(large, folder)
    large.lake.store.put(f"{folder}part-00001.parquet", b"young")
    assert collected(large) == [], "the attempt may be running"
    age(large, f"{folder}part-00001")
    assert collected(large) == [("staging", 2)]


def test_old_objects_that_stopped_being_live_just_now_are_kept(large: Publishing, run_at: RunAt) -> None:
    """The usual case: a partition published weeks ago is replaced while readers read it."""
    first = large.publish(table(2_000), run_at(1))
    large.lake.store.delete([item.key for item in large.lake.store.scan("_staging/")])
    aged = age(large, first.location)
    assert len(aged) == len(first.objects)
    large.publish(table(2_000, 2.0), run_at(2))
    assert collected(large) == []
    assert [item.key for item in large.lake.store.scan(first.location)] == aged
