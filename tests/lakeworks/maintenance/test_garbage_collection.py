"""Garbage is what is old as a whole and has been dead for long: ages that differ within one folder or one partition."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lakeworks.branches.document import DevDocument, DevRegister
from lakeworks.branches.pins import Pins
from lakeworks.dev.closing import drop
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance import garbage_collection as garbage
from lakeworks.maintenance.crash_recovery import roll_forward
from lakeworks.maintenance.verification import verify
from lakeworks.pipeline.registration import Registrar
from lakeworks.publications.rollbacks import rollback
from lakeworks.s3.object_store import ObjectStore
from tests.protocol.test_versioned import PARTITION, Killed, Publishing, contract, table
from tests.support.memory_s3 import memory_lake
from tests.support.s3_clock import days_later

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


def test_what_a_worker_with_a_slow_clock_replaced_just_now_is_kept(large: Publishing, run_at: RunAt) -> None:
    """Seed 1002237: its publication said that it is weeks old, so what it replaced was gone at once."""
    first = large.publish(table(2_000), run_at(1))
    second = large.publish(table(2_000, 2.0), run_at(2))
    large.lake.store.delete([item.key for item in large.lake.store.scan("_staging/")])
    aged = age(large, first.location)
    stored = large.lake.ledger.read(large.wanted.table, PARTITION, second.seq)
    slow = second.model_copy(update={"published_at": datetime.now(UTC) - WEEKS})
    large.lake.ledger.complete(stored, slow)
    assert collected(large) == []
    assert [item.key for item in large.lake.store.scan(first.location)] == aged


@pytest.fixture
def registered(lake: Lake) -> Publishing:
    """The same with a catalog; its clock can be moved."""
    wanted = contract()
    return Publishing(replace(lake, contract=lambda _: wanted), wanted)


def test_staging_that_an_unfinished_publication_needs_is_kept(registered: Publishing, run_at: RunAt) -> None:
    registered.publish(table(2_000), run_at(1))
    with pytest.raises(Killed):
        registered.publish(table(2_000, 2.0), run_at(2), die_at="place")
    with days_later(registered.lake.store, 3):
        assert [kind for kind, _ in collected(registered)] == ["staging"], "of the first run, which is published"
        assert roll_forward(registered.lake, registered.wanted).completed == (PARTITION,)
        assert registered.by_catalog().equals(table(2_000, 2.0))
        assert "staging" in [kind for kind, _ in collected(registered)]


def test_objects_that_the_catalog_names_are_kept(registered: Publishing, run_at: RunAt) -> None:
    """A late request set Glue back: readers of the catalog read the earlier objects until it is repaired."""
    first = registered.publish(table(2_000), run_at(1))
    registered.publish(table(2_000, 2.0), run_at(2))
    Registrar(registered.lake, registered.wanted)([first])
    with days_later(registered.lake.store, 3):
        assert {kind for kind, _ in collected(registered)} == {"staging"}
    assert registered.by_catalog().equals(table(2_000))


class BusyStore(ObjectStore):
    """A store in which a person acts right before immutable objects are deleted."""

    before_delete: Callable[[], Any] | None = None

    def delete(self, keys: Iterable[str]) -> int:
        doomed = [*keys]
        if self.before_delete and any(".versions/" in key for key in doomed):
            act, self.before_delete = self.before_delete, None
            act()
        return super().delete(doomed)


def test_a_rollback_of_an_older_release_during_collection_loses_no_object(
    registered: Publishing, run_at: RunAt
) -> None:
    """It makes the old objects themselves live again, which ours copies."""
    for number in (1, 2):
        registered.publish(table(2_000, number), run_at(number))
    busy = BusyStore(registered.lake.store.client, registered.lake.store.bucket, threads=2)
    busy.before_delete = lambda: roll_back_without_copies(registered, run_at(3))
    lake = replace(registered.lake, store=busy)
    with days_later(busy, 3):
        garbage.collect(lake, [registered.wanted], dry_run=False)
    assert registered.by_catalog().equals(table(2_000, 1))
    assert verify(registered.lake, registered.wanted, deep=True) == []


def roll_back_without_copies(registered: Publishing, run: Run) -> None:
    """Write what an older release wrote: the first publication's own objects under the next number."""
    ledger, wanted = registered.lake.ledger, registered.wanted
    first, last = (ledger.history(wanted.table, PARTITION)[place] for place in (0, -1))
    number = {"seq": last.seq + 1, "live_seq": last.seq + 1}
    begun = first.model_copy(update={"kind": "rollback", "run": run, "state": "publishing", **number})
    ended = begun.model_copy(update={"state": "published"})
    ledger.complete(ledger.reserve(begun), ended)
    Registrar(registered.lake, wanted)([ended])


def test_a_rollback_during_collection_loses_no_object(registered: Publishing, run_at: RunAt) -> None:
    for number in (1, 2):
        registered.publish(table(2_000, number), run_at(number))
    busy = BusyStore(registered.lake.store.client, registered.lake.store.bucket, threads=2)
    busy.before_delete = lambda: rollback(registered.lake, registered.wanted, PARTITION, to=1)
    lake = replace(registered.lake, store=busy)
    with days_later(busy, 3):
        garbage.collect(lake, [registered.wanted], dry_run=False)
    assert registered.by_catalog().equals(table(2_000, 1))
    assert verify(registered.lake, registered.wanted, deep=True) == []


def test_what_a_dev_lake_pins_is_kept_as_long_as_it_is_there(registered: Publishing, run_at: RunAt) -> None:
    pinned = [item.key for item in registered.publish(table(2_000), run_at(1)).objects]
    now = datetime.now(UTC)
    document = DevDocument(name="fix", token="t", created_at=now, expires_at=now + timedelta(days=9))
    store, register = registered.lake.store, DevRegister(registered.lake.store)
    Pins(store, document.branch).save(registered.wanted.table, {PARTITION: 1})
    register.create(document)
    registered.publish(table(2_000, 2.0), run_at(2))
    with days_later(store, 3):
        assert "superseded version" not in [kind for kind, _ in collected(registered)]
        assert all(store.head(key) for key in pinned)
        register.remove(register.read("fix"))
        assert collected(registered) == [("superseded version", len(pinned))]
    assert not any(store.head(key) for key in pinned)


def test_what_an_unreadable_dev_lake_may_pin_is_kept(registered: Publishing, run_at: RunAt) -> None:
    store = registered.lake.store
    pinned = [item.key for item in registered.publish(table(2_000), run_at(1)).objects]
    registered.publish(table(2_000, 2.0), run_at(2))
    store.put("_dev/_lakes/torn.json", b"{")
    staged = store.put("_staging/silver/a/b/period=2024-01-01/dead/part.parquet", b"left").key
    with days_later(store, 3):
        assert {kind for kind, _ in collected(registered)} == {"staging"}, "only versions wait for the document"
        assert all(store.head(key) for key in pinned)
        assert store.head(staged) is None
        drop(registered.lake, "torn")
        assert collected(registered) == [("superseded version", len(pinned))]
