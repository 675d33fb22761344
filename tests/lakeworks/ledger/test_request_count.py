"""How many requests readers and writers of the ledger send: what is known and has not changed is not asked for again."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakeworks.core.partition import Partition
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord, load_run_record
from lakeworks.parquet.encoder import sha256_of
from lakeworks.s3.listed.body_memory import BodyMemory
from lakeworks.s3.object_store import SHA256, ObjectStore, Target
from tests.lakeworks.ledger.test_publisher import TABLE, FakeGlue, Writer
from tests.support.memory_s3 import MemoryS3

HOURS = [Partition.parse(f"year=2019/month=01/day=05/hour={hour:02}") for hour in range(24)]
FEW = HOURS[:7]


class CountingS3(MemoryS3):
    """An S3 in memory that counts the listings of the ledger, and reads of its entries and run records."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    def get_object(self, **asked: Any) -> dict[str, Any]:
        self.asked["read"] += "=" in asked["Key"] or "/_runs/" in asked["Key"]  # no document of run numbers
        return super().get_object(**asked)

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        self.asked["list"] += asked["Prefix"].startswith("_ledger/silver")
        return super().paginate(**asked)

    def counted(self) -> dict[str, int]:
        """Return the requests since the last call."""
        asked, self.asked = self.asked, Counter()
        return {name: asked[name] for name in ("list", "read")}


@pytest.fixture
def s3() -> CountingS3:
    return CountingS3()


def fresh(s3: CountingS3) -> ObjectStore:
    """The store of another process: it remembers nothing."""
    client: Any = s3
    return ObjectStore(client, "lake", threads=1)


def run(number: int) -> Run:
    return Run(id=f"run-{number}", started_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number))


def staged(store: ObjectStore, number: int, partitions: list[Partition], content: str = "rows") -> list[LedgerEntry]:
    """What one run over some hours wants to publish."""
    entries = []
    for partition in partitions:
        body, location = f"{content} of {partition}".encode(), f"silver/test/rows/{partition.path}/"
        source = f"_staging/silver/test/rows/{run(number).key}/{partition.path}/part-00000.parquet"
        store.put(Target(source, {SHA256: sha256_of(body)}), body)
        item = LiveObject(
            key=f"{location}part-00000.parquet", size=len(body), sha256=sha256_of(body), rows=1, source_key=source
        )
        entries.append(
            LedgerEntry(
                table=str(TABLE), partition=partition.path, seq=1, live_seq=1, state="publishing", run=run(number),
                period="2019-01-05", contract_version="1.0.0", schema_fingerprint="f", content=sha256_of(body),
                objects=(item,), location=location, reserved_at=datetime.now(UTC),
            )
        )  # fmt: skip
    return entries


def publish(store: ObjectStore, number: int, partitions: list[Partition], content: str = "rows") -> list[LedgerEntry]:
    """One run over some hours."""
    return Publisher(Ledger(store), FakeGlue()).publish(staged(store, number, partitions, content))


def test_entries_that_did_not_change_are_listed_and_not_read_again(s3: CountingS3) -> None:
    publish(fresh(s3), 1, HOURS)
    store = fresh(s3)
    s3.counted()
    first = Ledger(store).live_partitions(TABLE)
    assert s3.counted() == {"list": 1, "read": 24}
    assert Ledger(store).live_partitions(TABLE) == first
    assert s3.counted() == {"list": 1, "read": 0}


def test_what_another_process_published_meanwhile_is_seen(s3: CountingS3) -> None:
    publish(fresh(s3), 1, HOURS)
    store = fresh(s3)
    Ledger(store).live_partitions(TABLE)
    publish(fresh(s3), 2, HOURS[3:4], "other rows")
    s3.counted()
    live = Ledger(store).live_partitions(TABLE)
    assert {part: entry.seq for part, entry in live.items() if entry.seq > 1} == {HOURS[3]: 2}
    assert s3.counted() == {"list": 1, "read": 1}


def test_an_entry_that_was_written_again_under_its_number_is_read_again(s3: CountingS3) -> None:
    """A repair pins another version of the object; the listing shows another ETag."""
    publish(fresh(s3), 1, FEW)
    store, other = fresh(s3), Ledger(fresh(s3))
    Ledger(store).live_partitions(TABLE)
    stored = other.newest(TABLE, FEW[0])
    assert stored
    other.complete(stored, stored.entry.model_copy(update={"location": "elsewhere/"}))
    assert Ledger(store).live_partitions(TABLE)[FEW[0]].location == "elsewhere/"


def test_an_unfinished_entry_is_read_every_time(s3: CountingS3) -> None:
    """Its writer may finish it between a listing and a second look at the number of that listing."""
    writer = Writer(fresh(s3))
    with pytest.raises(BaseException, match="place"):
        writer.publish("rows", run(1), die_at="place")
    ledger, partition = Ledger(fresh(s3)), Partition.parse("year=2019/month=01")
    (number,) = ledger.sequence(TABLE, partition)
    assert ledger.read(TABLE, partition, number).entry.state == "publishing"
    writer.publisher().recover(TABLE, partition)
    assert ledger.read(TABLE, partition, number).entry.state == "published"


def test_a_number_from_elsewhere_is_asked_for(s3: CountingS3) -> None:
    publish(fresh(s3), 1, FEW)
    ledger = Ledger(fresh(s3))
    ledger.live_partitions(TABLE)
    s3.counted()
    ledger.read(TABLE, FEW[0], 1)
    assert s3.counted() == {"list": 0, "read": 1}


def test_a_writer_does_not_read_what_it_wrote(s3: CountingS3) -> None:
    store = fresh(s3)
    publish(store, 1, HOURS)
    s3.counted()
    assert len(Ledger(store).live_partitions(TABLE)) == 24
    assert s3.counted() == {"list": 1, "read": 0}


@pytest.mark.parametrize(("partitions", "listings"), [(HOURS, 1), (FEW, len(FEW))])
def test_partitions_of_one_folder_are_one_listing(s3: CountingS3, partitions: list[Partition], listings: int) -> None:
    """Few partitions are listed one by one, because their folder's listing would show all others, too."""
    first = publish(fresh(s3), 1, partitions)
    assert {entry.state for entry in first} == {"published"}
    assert s3.counted()["list"] == listings
    again = publish(fresh(s3), 2, partitions)
    assert {(entry.state, entry.seq) for entry in again} == {("unchanged", 2)}
    # once for their numbers, once more to see that no one published after the confirmations
    assert s3.counted() == {"list": 2 * listings, "read": len(partitions)}


def test_a_publication_after_a_confirmation_is_noticed_in_a_shared_listing(s3: CountingS3) -> None:
    publish(fresh(s3), 1, HOURS)
    catalog, store = FakeGlue(), fresh(s3)

    def overtake(step: str) -> None:
        if step == "register":
            publish(fresh(s3), 3, HOURS[5:6], "newer rows")

    Publisher(Ledger(store), catalog, on_step=overtake).publish(staged(store, 2, HOURS))
    assert catalog.entries[HOURS[5].path].run == run(3), "the catalog was set from the confirmation, and is set again"


def test_a_run_record_is_read_once(s3: CountingS3) -> None:
    store, ledger = fresh(s3), Ledger(fresh(s3))
    record = RunRecord(
        table=str(TABLE), period="2019-01-05", run=run(1), contract_version="1.0.0", schema_fingerprint="f",
        balance=RowBalance(read=0, staged=0), partitions=(),
    )  # fmt: skip
    store.put(record.run_key, record.model_dump_json().encode())
    for reads in (1, 0):
        s3.counted()
        (key,) = ledger.runs(TABLE)
        assert load_run_record(ledger.store, key) == record
        assert s3.counted() == {"list": 1, "read": reads}
    corrected = record.model_copy(update={"balance": RowBalance(read=1, staged=1)})
    store.put(record.run_key, corrected.model_dump_json().encode())
    assert [load_run_record(ledger.store, key) for key in ledger.runs(TABLE)] == [corrected]


def test_the_memory_is_bounded() -> None:
    memory = BodyMemory(most_bytes=10)
    for number in range(4):
        memory.keep(f"key{number}", '"etag"', b"1234")
    assert [memory.recall(f"key{number}", '"etag"') for number in range(4)] == [None, None, b"1234", b"1234"]
    memory.keep("key3", '"other"', b"123456")
    assert memory.recall("key3", '"etag"') is None, "a body is kept under its newest ETag only"
    assert [memory.recall(f"key{number}", '"other"') for number in (2, 3)] == [None, b"123456"]
    memory.keep("large", '"etag"', b"more than ten bytes")
    assert memory.recall("large", '"etag"') is None
    assert memory.recall("key3", "") is None
