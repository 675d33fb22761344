"""The publish protocol on three S3 implementations: one winner, roll-forward from every step, fencing, nothing half-done."""

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import FencedError, LakeError, LedgerCorrupt, LiveChanged, LostRace, StagedChanged
from lakeworks.ledger.ledger import Ledger, LedgerEntry, LiveObject
from lakeworks.ledger.publisher import SEQUENCE, Publisher
from lakeworks.ledger.run_record import Run
from lakeworks.parquet.encoder import sha256_of
from lakeworks.s3.object_store import SHA256, ObjectStore, Target

TABLE, PARTITION = TableName.parse("silver.test.rows"), Partition.parse("year=2019/month=01")
LIVE = "silver/test/rows/year=2019/month=01/part-00000.parquet"
STEPS = ("check", "reserve", "place", "placed", "register", "surplus", "complete")
RunAt = Callable[..., Run]


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours may catch it."""


@dataclass
class FakeGlue:
    """A catalog that remembers what it was told; the real one is tested on its own."""

    entries: dict[str, LedgerEntry] = field(default_factory=dict)

    def __call__(self, entries: Sequence[LedgerEntry]) -> None:
        self.entries |= {entry.partition: entry for entry in entries}


@dataclass
class Writer:
    """One writer's view: stages content and publishes it."""

    store: ObjectStore
    catalog: FakeGlue = field(default_factory=FakeGlue)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store)

    def publisher(self, die_at: str = "") -> Publisher:
        def step(name: str) -> None:
            if name == die_at:
                raise Killed(name)

        return Publisher(self.ledger, self.catalog, on_step=step)

    def entry(self, content: str, run: Run, key: str = LIVE) -> LedgerEntry:
        body = content.encode()
        staged = f"_staging/silver/test/rows/{run.key}/part-00000.parquet"
        self.store.put(Target(staged, {SHA256: sha256_of(body)}), body)
        item = LiveObject(key=key, size=len(body), sha256=sha256_of(body), rows=1, source_key=staged)
        return LedgerEntry(
            table=str(TABLE), partition=PARTITION.path, seq=1, live_seq=1, state="publishing", run=run, period="2019-01",
            contract_version="1.0.0", schema_fingerprint="f", content=sha256_of(body), objects=(item,),
            location=LIVE.rpartition("/")[0] + "/", audit={"passed": True}, reserved_at=datetime.now(UTC),
        )  # fmt: skip

    def publish(self, content: str, run: Run, die_at: str = "") -> LedgerEntry:
        return self.publisher(die_at).publish([self.entry(content, run)])[0]

    def live(self) -> str:
        return self.store.get(LIVE)[0].decode()

    def check(self) -> None:
        """Ledger, live object and catalog say the same."""
        entry = self.ledger.live(TABLE, PARTITION)
        head = self.store.head(LIVE)
        assert entry is not None
        assert head is not None
        assert sha256_of(self.live().encode()) == entry.content
        assert head.version_id == entry.objects[0].version_id
        assert head.metadata[SEQUENCE] == str(entry.live_seq)
        assert self.catalog.entries[PARTITION.path].live_seq == entry.live_seq


def test_first_publication_then_unchanged_then_new(any_store: ObjectStore, run_at: RunAt) -> None:
    writer = Writer(any_store)
    first = writer.publish("one", run_at(1))
    again = writer.publish("one", run_at(2))
    assert (again.state, again.objects[0].version_id) == ("unchanged", first.objects[0].version_id)
    changed = writer.publish("two", run_at(3))
    assert (changed.state, changed.seq, writer.live()) == ("published", 3, "two")
    writer.check()
    assert [entry.state for entry in writer.ledger.history(TABLE, PARTITION)] == ["published", "unchanged", "published"]


def test_staging_that_was_changed_never_goes_live_and_blocks_nobody(any_store: ObjectStore, run_at: RunAt) -> None:
    writer = Writer(any_store)
    writer.publish("old", run_at(1))
    entry = writer.entry("new", run_at(2))
    any_store.put(str(entry.objects[0].source_key), b"not what was audited")
    with pytest.raises(StagedChanged):
        writer.publisher().publish([entry])
    assert writer.live() == "old"
    assert writer.publish("newer", run_at(3)).state == "published"
    writer.check()
    assert [item.state for item in writer.ledger.history(TABLE, PARTITION)] == ["published", "abandoned", "published"]


@pytest.mark.parametrize("step", STEPS)
def test_a_writer_killed_at_any_step_is_rolled_forward(any_store: ObjectStore, run_at: RunAt, step: str) -> None:
    writer = Writer(any_store)
    writer.publish("old", run_at(1))
    with pytest.raises(Killed):
        writer.publish("new", run_at(2), die_at=step)
    assert writer.live() in ("old", "new"), "a reader sees one complete partition"
    writer.publish("new", run_at(2, attempt=2))
    assert writer.live() == "new"
    writer.check()


@pytest.mark.parametrize("step", STEPS)
def test_another_run_finishes_what_a_killed_writer_left(store: ObjectStore, run_at: RunAt, step: str) -> None:
    writer = Writer(store)
    with pytest.raises(Killed):
        writer.publish("first", run_at(1), die_at=step)
    writer.publish("second", run_at(2))
    assert writer.live() == "second"
    writer.check()
    states = [entry.state for entry in writer.ledger.history(TABLE, PARTITION)]
    assert "publishing" not in states


def test_a_late_orphan_of_an_older_run_is_fenced(any_store: ObjectStore, run_at: RunAt) -> None:
    writer = Writer(any_store)
    writer.publish("newer", run_at(2))
    with pytest.raises(FencedError, match=r"newer run .*manual__2.*Nothing was published"):
        writer.publish("older", run_at(1))
    assert writer.live() == "newer"
    assert len(writer.ledger.sequence(TABLE, PARTITION)) == 1


def test_an_older_run_with_the_same_content_has_nothing_to_do(store: ObjectStore, run_at: RunAt) -> None:
    """Three monthly runs write the same reference table at once: the slowest must not fail for it."""
    writer = Writer(store)
    writer.publish("same", run_at(2))
    assert writer.publish("same", run_at(1)).state == "unchanged"
    assert len(writer.ledger.sequence(TABLE, PARTITION)) == 1


def test_an_orphan_that_wakes_up_while_placing_does_not_win(store: ObjectStore, run_at: RunAt) -> None:
    """The orphan reserved, slept; another run rolled it forward and published; then the orphan goes on."""
    writer = Writer(store)
    writer.publish("old", run_at(1))

    def overtake(name: str) -> None:
        if name == "place":
            writer.publish("newest", run_at(3))

    orphan = replace(writer.publisher(), on_step=overtake)
    with pytest.raises(LostRace, match="overtaken"):
        orphan.publish([writer.entry("orphan", run_at(2))])
    assert writer.live() == "newest"
    writer.check()


def test_an_orphan_that_wakes_up_before_completing_sets_nothing_back(store: ObjectStore, run_at: RunAt) -> None:
    writer = Writer(store)

    def overtake(name: str) -> None:
        if name == "register":
            writer.publish("newest", run_at(3))

    orphan = replace(writer.publisher(), on_step=overtake)
    orphan.publish([writer.entry("orphan", run_at(2))])
    assert writer.live() == "newest"
    writer.check()


def test_concurrent_writers_leave_exactly_one_writers_output(any_store: ObjectStore, run_at: RunAt) -> None:
    catalog = FakeGlue()

    def publish(number: int) -> str:
        try:
            return Writer(any_store, catalog).publish(f"content {number}", run_at(number)).state
        except (LostRace, FencedError) as error:
            return type(error).__name__

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(publish, range(6)))
    assert "published" in outcomes
    writer = Writer(any_store, catalog)
    writer.publish("last", run_at(99))
    assert writer.live() == "last"
    writer.check()
    history = writer.ledger.history(TABLE, PARTITION)
    assert {entry.state for entry in history} <= {"published", "unchanged"}


def test_an_object_changed_behind_our_back_stops_the_publication(store: ObjectStore, run_at: RunAt) -> None:
    writer = Writer(store)
    writer.publish("ours", run_at(1))
    store.put(LIVE, b"somebody else's")
    with pytest.raises(LiveChanged, match=r"something other than lakeworks.*left alone"):
        writer.publish("ours too", run_at(2))
    assert writer.live() == "somebody else's"
    writer.publisher().settle(TABLE, PARTITION)
    assert writer.live() == "ours"


def test_a_deleted_live_object_is_restored_by_the_next_run(store: ObjectStore, run_at: RunAt) -> None:
    writer = Writer(store)
    writer.publish("rows", run_at(1))
    store.delete([LIVE])
    assert writer.publish("rows", run_at(2)).state == "published"
    assert writer.live() == "rows"
    writer.check()


def test_a_ledger_entry_that_does_not_parse_is_named(store: ObjectStore, run_at: RunAt) -> None:
    writer = Writer(store)
    writer.publish("rows", run_at(1))
    store.put("_ledger/silver/test/rows/year=2019/month=01/00000001.json", b"{")
    with pytest.raises(LedgerCorrupt, match=r"00000001.json.*is not a ledger entry.*Nothing was changed"):
        writer.publish("more", run_at(2))
    assert writer.live() == "rows"


def test_staging_that_vanished_before_placing_is_abandoned(store: ObjectStore, run_at: RunAt) -> None:
    writer = Writer(store)
    writer.publish("old", run_at(1))
    with pytest.raises(Killed):
        writer.publish("lost", run_at(2), die_at="place")
    store.delete([item.key for item in store.scan("_staging/silver/test/rows/manual__2")])
    writer.publish("new", run_at(3))
    assert [entry.state for entry in writer.ledger.history(TABLE, PARTITION)] == ["published", "abandoned", "published"]
    writer.check()


class InterruptedLedger(Ledger):
    """A ledger in which another writer takes a number, and dies, between two listings of the first."""

    def __init__(self, writer: Writer, run: Run) -> None:
        super().__init__(writer.store)
        self.writer, self.run, self.listings = writer, run, 0

    def sequence(self, table: TableName, partition: Partition) -> list[int]:
        self.listings += 1
        if self.listings == 2:
            with pytest.raises(Killed):
                self.writer.publish("of the dead", self.run, die_at="place")
        return super().sequence(table, partition)


def test_no_number_is_taken_past_an_unfinished_one(store: ObjectStore, run_at: RunAt) -> None:
    """Found by the kill tests: a number taken between looking and counting stayed `publishing` for ever."""
    writer = Writer(store)
    writer.publish("old", run_at(1))
    interrupted = replace(writer.publisher(), ledger=InterruptedLedger(writer, run_at(2)))
    interrupted.publish([writer.entry("new", run_at(3))])
    assert {entry.state for entry in writer.ledger.history(TABLE, PARTITION)} == {"published"}
    assert writer.live() == "new"


OPERATIONS = st.lists(
    st.tuples(st.integers(1, 8), st.sampled_from(["a", "b", "c"]), st.sampled_from(["", *STEPS])),
    min_size=1,
    max_size=8,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPERATIONS)
def test_whatever_happens_the_next_run_finds_a_consistent_lake(
    moto_url: str, run_at: RunAt, operations: list[tuple[int, str, str]]
) -> None:
    """Runs in any order, killed anywhere: live content is always one that was published whole, and the end agrees."""
    from tests.conftest import new_store

    writer, seen = Writer(new_store(moto_url)), set()
    for number, content, die_at in operations:
        seen.add(content)
        with contextlib.suppress(Killed, LakeError):
            writer.publish(content, run_at(number), die_at=die_at)
        if writer.store.head(LIVE):
            assert writer.live() in seen
    writer.publish("final", run_at(99))
    assert writer.live() == "final"
    writer.check()
    assert "publishing" not in {entry.state for entry in writer.ledger.history(TABLE, PARTITION)}
