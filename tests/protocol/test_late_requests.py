"""Requests that arrive late, and processes that go on late: none of them brings back what a newer publication replaced."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.contract import Storage
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.core.placement_stamp import content_hash
from lakeworks.errors import LakeNotFound, LostRace
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.placement import SEQUENCE
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import Run
from lakeworks.parquet.encoder import ParquetPart
from lakeworks.s3.object_store import SHA256, ObjectStore, Target
from tests.support.delayed_client import DelayedClient, Killed

TABLE, PARTITION = TableName.parse("silver.test.rows"), Partition.parse("year=2019/month=01")
LIVE = "silver/test/rows/year=2019/month=01/part-00000.parquet"
RunAt = Callable[..., Run]


@dataclass
class Process:
    """One process: its own client, a catalog and a bucket that it shares with the others."""

    store: ObjectStore
    registered: dict[str, int]
    scratch: Path

    @property
    def client(self) -> DelayedClient:
        assert isinstance(self.store.client, DelayedClient)
        return self.store.client

    @property
    def publisher(self) -> Publisher:
        return Publisher(self.ledger, self.register)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store)

    def register(self, entries: Any) -> None:
        self.registered |= {entry.partition: entry.live_seq for entry in entries}

    def another(self) -> "Process":
        """Return a process beside this one."""
        client: Any = DelayedClient(self.client.client)
        return replace(self, store=ObjectStore(client, self.store.bucket, threads=1))

    def entry(self, value: int, run: Run) -> LedgerEntry:
        rows = pa.table({"id": [value]})
        part = ParquetPart(rows.schema, Storage(), self.scratch)
        part.add(rows.to_batches()[0])
        body = part.finish()
        assert isinstance(body, bytes)
        digest, staged = content_hash(body), f"_staging/silver/test/rows/{run.key}/part-00000.parquet"
        self.store.put(Target(staged, {SHA256: digest}), body)
        item = LiveObject(key=LIVE, size=len(body), sha256=digest, rows=1, source_key=staged)
        return LedgerEntry(
            table=str(TABLE), partition=PARTITION.path, seq=1, live_seq=1, state="publishing", run=run, period="2019-01",
            contract_version="1.0.0", schema_fingerprint="f", content=digest, objects=(item,),
            location=LIVE.rpartition("/")[0] + "/", audit={"passed": True}, reserved_at=run.started_at,
        )  # fmt: skip

    def publish(self, value: int, run: Run) -> LedgerEntry:
        return self.publisher.publish([self.entry(value, run)])[0]

    def withdraw(self, run: Run) -> LedgerEntry:
        live = self.ledger.live(TABLE, PARTITION)
        assert live
        nothing = {"kind": "withdrawal", "objects": (), "content": "", "run": run}
        return self.publisher.publish([live.model_copy(update=nothing)])[0]

    def roll_back(self, to: int, run: Run) -> LedgerEntry:
        """Publish again what an earlier publication was, from the object version it pins."""
        entry = self.ledger.read(TABLE, PARTITION, to).entry
        (item,) = entry.objects
        source = {"source_key": item.key, "source_version": item.version_id, "version_id": None}
        wanted = entry.model_copy(update={"kind": "rollback", "run": run, "objects": (item.model_copy(update=source),)})
        return self.publisher.publish([wanted])[0]

    def settle(self) -> None:
        self.publisher.settle(TABLE, PARTITION)

    def live(self) -> int | None:
        """Return the value that readers of the plain path see."""
        if self.store.head(LIVE) is None:
            return None
        return int(pq.read_table(BytesIO(self.store.get(LIVE)[0]))["id"][0].as_py())

    def check(self, value: int) -> None:
        """Ledger, live object, pin and catalog name one publication."""
        entry, head = self.ledger.live(TABLE, PARTITION), self.store.head(LIVE)
        assert entry
        assert head
        assert self.live() == value
        assert head.metadata[SEQUENCE] == str(entry.live_seq)
        assert head.version_id == entry.objects[0].version_id
        assert self.registered[PARTITION.path] == entry.live_seq
        assert content_hash(self.store.get(LIVE, entry.objects[0].version_id)[0]) == entry.content


@pytest.fixture
def process(any_store: ObjectStore, tmp_path: Path) -> Process:
    client: Any = DelayedClient(any_store.client)
    return Process(ObjectStore(client, any_store.bucket, threads=1), {}, tmp_path)


def test_settling_beside_a_newer_publication_leaves_it_alone(process: Process, run_at: RunAt) -> None:
    """It read the ledger, then another process published: its older number is not put over what it finds."""
    process.publish(1, run_at(1))
    settling = process.another()
    put_back: list[str] = []
    settling.client.before("head_object", LIVE, lambda: process.publish(2, run_at(2)))
    settling.client.before("put_object", LIVE, lambda: put_back.append("not even for a moment"))
    settling.settle()
    process.check(2)
    assert put_back == []


def test_settling_registers_nothing_older_than_the_ledger_says_afterwards(process: Process, run_at: RunAt) -> None:
    """The catalog has no conditional writes: anyone who registered late reads the ledger again."""
    process.publish(1, run_at(1))
    settling = process.another()

    def register(entries: Any) -> None:
        if not process.ledger.sequence(TABLE, PARTITION)[1:]:
            process.publish(2, run_at(2))
        process.register(entries)

    replace(settling.publisher, register=register).settle(TABLE, PARTITION)
    process.check(2)


def test_settling_between_registration_and_completion_of_a_newer_publication(process: Process, run_at: RunAt) -> None:
    """The newer one has been registered and is not complete yet: it will not register again."""
    process.publish(1, run_at(1))
    settling = process.another()

    def register(entries: Any) -> None:
        process.register(entries)
        if entries[0].seq == 2:
            settling.settle()

    replace(process.publisher, register=register).publish([process.entry(2, run_at(2))])
    process.check(2)


def test_a_confirmation_that_registers_late_sets_nothing_back(process: Process, run_at: RunAt) -> None:
    process.publish(1, run_at(1))
    confirming = process.another()

    def overtake(step: str) -> None:
        if step == "register":
            process.publish(2, run_at(3))

    entry = confirming.entry(1, run_at(2))
    (confirmed,) = replace(confirming.publisher, on_step=overtake).publish([entry])
    assert confirmed.state == "unchanged"
    process.check(2)


def test_a_confirmation_whose_answer_was_lost_is_registered(process: Process, run_at: RunAt) -> None:
    """S3 answers 412 to the request that the client repeats: the number is its own."""
    process.publish(1, run_at(1))
    confirming = process.another()
    registered: list[int] = []
    entry = confirming.entry(1, run_at(2))

    def take_first() -> None:
        taken = entry.model_copy(update={"seq": 2, "state": "unchanged"})
        live = process.ledger.live(TABLE, PARTITION)
        assert live
        process.ledger.reserve(taken.model_copy(update={"objects": live.objects, "live_seq": 1}))

    confirming.client.before("put_object", "00000002.json", take_first)
    replace(confirming.publisher, register=lambda entries: registered.extend(item.seq for item in entries)).publish(
        [entry]
    )
    assert registered[-1] == 2


def delete(process: Process) -> None:
    process.store.delete([LIVE])


def overwrite(process: Process) -> None:
    process.store.put(LIVE, b"of a stranger")


def copy_onto_itself(process: Process) -> None:
    """As `aws s3 cp` does to change an object's storage class or its key: the same bytes and metadata, another version."""
    body, found = process.store.get(LIVE)
    process.store.put(Target(LIVE, found.metadata), body)


def damage(process: Process) -> None:
    """Other bytes under the metadata of the publication."""
    process.store.put(Target(LIVE, process.store.get(LIVE)[1].metadata), b"bit rot")


@pytest.mark.parametrize("harm", [delete, overwrite, copy_onto_itself, damage])
def test_the_ledger_pins_the_version_that_is_current_after_a_repair(
    process: Process, run_at: RunAt, harm: Callable[[Process], None]
) -> None:
    """A version that is not current any more is deleted a month later: no reader by ledger could read the partition then."""
    first = process.publish(1, run_at(1))
    harm(process)
    process.settle()
    process.check(1)
    gone: dict[str, Any] = {"Key": LIVE, "VersionId": first.objects[0].version_id}
    process.client.client.delete_object(Bucket=process.store.bucket, **gone)
    process.check(1)
    assert process.publish(1, run_at(2)).state == "unchanged"


def test_a_run_does_not_confirm_a_version_that_is_not_current(process: Process, run_at: RunAt) -> None:
    process.publish(1, run_at(1))
    copy_onto_itself(process)
    process.publish(1, run_at(2))
    process.check(1)


def test_a_partition_whose_pinned_version_is_gone_is_healed_from_its_current_one(
    process: Process, run_at: RunAt
) -> None:
    first = process.publish(1, run_at(1))
    copy_onto_itself(process)
    gone: dict[str, Any] = {"Key": LIVE, "VersionId": first.objects[0].version_id}
    process.client.client.delete_object(Bucket=process.store.bucket, **gone)
    process.settle()
    process.check(1)


def test_an_object_of_an_earlier_publication_with_the_same_rows_is_not_taken_for_the_new_one(
    process: Process, run_at: RunAt
) -> None:
    """A stranger put the first publication's object back; the third publishes the same rows under its own number."""
    process.publish(1, run_at(1))
    body, found = process.store.get(LIVE)
    process.publish(2, run_at(2))
    process.store.put(Target(LIVE, found.metadata), body)
    process.publish(1, run_at(3))
    process.check(1)


def test_what_can_be_restored_from_nowhere_is_named(process: Process, run_at: RunAt) -> None:
    first = process.publish(1, run_at(1))
    gone: dict[str, Any] = {"Key": LIVE, "VersionId": first.objects[0].version_id}
    process.client.client.delete_object(Bucket=process.store.bucket, **gone)
    with pytest.raises(LakeNotFound, match=r"pins, is gone.*Nothing was changed.*Run the partition again"):
        process.settle()


def test_a_late_placing_of_a_dead_process_is_refused_after_a_rollback(process: Process, run_at: RunAt) -> None:
    """The rollback makes the same rows live that the dead process had seen, but never the same bytes."""
    process.publish(0, run_at(1))  # an upload fills the empty key, and its ETag is another for equal bytes
    process.publish(1, run_at(2))
    dead = process.another()
    dead.client.delay("put_object", LIVE)
    with pytest.raises(Killed):
        dead.publish(666, run_at(3))
    process.publish(2, run_at(4))
    process.roll_back(2, run_at(5))
    assert dead.client.arrive() == "PreconditionFailed"
    process.check(1)


def test_a_late_withdrawal_of_a_dead_process_deletes_nothing_newer(process: Process, run_at: RunAt) -> None:
    process.publish(1, run_at(1))
    dead = process.another()
    dead.client.delay("delete_object", LIVE)
    with pytest.raises(Killed):
        dead.withdraw(run_at(2))
    process.publish(2, run_at(3))
    assert dead.client.arrive() == "PreconditionFailed"
    process.check(2)


def test_a_late_writer_does_not_bring_back_what_was_withdrawn(process: Process, run_at: RunAt) -> None:
    """It took its number and slept; others finished its publication and withdrew it: the key is empty again."""
    late = process.another()

    def overtake(step: str) -> None:
        if step == "place":
            process.publisher.recover(TABLE, PARTITION)
            process.withdraw(run_at(2))

    with pytest.raises(LostRace, match="finished by another process"):
        replace(late.publisher, on_step=overtake).publish([late.entry(1, run_at(1))])
    assert process.live() is None


def test_a_late_request_of_a_dead_process_does_not_fill_a_key_that_was_withdrawn(
    process: Process, run_at: RunAt
) -> None:
    """The first publication of a partition: its request is under way while others finish it and withdraw it."""
    dead = process.another()
    dead.client.delay("complete_multipart_upload", LIVE)
    with pytest.raises(Killed):
        dead.publish(1, run_at(1))
    process.publisher.recover(TABLE, PARTITION)
    assert process.live() == 1
    process.withdraw(run_at(2))
    dead.client.arrive()  # refused, or answered as the one that took effect was
    assert process.live() is None


def test_an_upload_that_was_ended_keeps_no_publication_from_being_finished(process: Process, run_at: RunAt) -> None:
    """Garbage collection aborts uploads after a day, and the writer that began it is dead."""
    dead = process.another()
    dead.client.delay("complete_multipart_upload", LIVE)
    with pytest.raises(Killed):
        dead.publish(1, run_at(1))
    upload = process.ledger.read(TABLE, PARTITION, 1).entry.objects[0].upload
    process.client.abort_multipart_upload(Bucket=process.store.bucket, Key=LIVE, UploadId=upload)
    process.publisher.recover(TABLE, PARTITION)
    process.check(1)
    assert process.ledger.read(TABLE, PARTITION, 1).entry.objects[0].upload is None, "what is over is not kept"


def test_what_is_restored_while_it_is_withdrawn_does_not_come_back(process: Process, run_at: RunAt) -> None:
    process.publish(1, run_at(1))
    process.client.delete_object(Bucket=process.store.bucket, Key=LIVE)  # a person's accident
    dead = process.another()
    dead.client.delay("complete_multipart_upload", LIVE)
    with pytest.raises(Killed):
        dead.settle()
    process.withdraw(run_at(2))
    dead.client.arrive()
    assert process.live() is None


@pytest.mark.parametrize("live", [True, False], ids=["over rows", "into an empty key"])
def test_a_late_request_of_an_abandoned_publication_has_no_effect(process: Process, run_at: RunAt, live: bool) -> None:
    """Its staged files are deleted while its request is under way: the number is given up."""
    if live:
        process.publish(1, run_at(1))
    dead = process.another()
    dead.client.delay("put_object" if live else "complete_multipart_upload", LIVE)
    entry = dead.entry(666, run_at(2))
    with pytest.raises(Killed):
        dead.publisher.publish([entry])
    process.store.delete([entry.objects[0].source_key])
    process.publisher.recover(TABLE, PARTITION)
    assert process.ledger.history(TABLE, PARTITION)[-1].state == "abandoned"
    assert dead.client.arrive() in ("PreconditionFailed", "NoSuchUpload")
    if live:
        process.check(1)
    else:
        assert process.live() is None
    process.publish(3, run_at(3))
    process.check(3)


def test_settling_a_withdrawn_partition_removes_what_arrived_late(process: Process, run_at: RunAt) -> None:
    process.publish(1, run_at(1))
    body, found = process.store.get(LIVE)
    process.withdraw(run_at(2))
    process.store.put(Target(LIVE, found.metadata), body)
    process.settle()
    assert process.live() is None
