"""The publish protocol on three S3 implementations: one winner, roll-forward from every step, fencing, nothing half-done."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.errors import FencedError, LakeError, LedgerCorrupt, LiveChanged, LostRace, StagedChanged
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.placement import SEQUENCE
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import Run
from lakeworks.parquet.encoder import sha256_of
from lakeworks.s3.object_store import SHA256, ObjectStore, StoredObject, Target
from tests.support.memory_s3 import MemoryS3

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


def test_a_run_that_finds_the_same_rows_renews_the_fingerprint_of_its_code(store: ObjectStore, run_at: RunAt) -> None:
    """Without it a partition whose rows a change of code left alone would stay outdated for ever."""
    writer = Writer(store)
    writer.publish("one", run_at(1))
    wanted = writer.entry("one", run_at(2)).model_copy(update={"code": "meaning.text"})
    assert [(done.state, done.code) for done in writer.publisher().publish([wanted])] == [("unchanged", "meaning.text")]


def test_staging_that_was_changed_never_goes_live_and_blocks_no_one(any_store: ObjectStore, run_at: RunAt) -> None:
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
    with pytest.raises(LostRace, match="is older than the current publication"):
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

    def publish(number: int) -> str | None:
        try:
            return Writer(any_store, catalog).publish(f"content {number}", run_at(number)).run.id
        except (LostRace, FencedError):
            return None

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(publish, range(6)))
    reported = {run_at(number).id for number, run in enumerate(outcomes) if run}
    assert reported, "a person wins"
    writer = Writer(any_store, catalog)
    assert reported <= {entry.run.id for entry in writer.ledger.history(TABLE, PARTITION)}
    assert {run for run in outcomes if run} == reported, "each reports its own publication"
    writer.publish("last", run_at(99))
    assert writer.live() == "last"
    writer.check()
    history = writer.ledger.history(TABLE, PARTITION)
    assert {entry.state for entry in history} <= {"published", "unchanged"}


def test_an_object_changed_behind_our_back_stops_the_publication(store: ObjectStore, run_at: RunAt) -> None:
    writer = Writer(store)
    writer.publish("ours", run_at(1))
    store.put(LIVE, b"another owner's")
    with pytest.raises(LiveChanged, match=r"another program.*the object is unchanged"):
        writer.publish("ours too", run_at(2))
    assert writer.live() == "another owner's"
    assert len(writer.ledger.sequence(TABLE, PARTITION)) == 1, "no number is left behind"
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


def test_a_number_of_the_ledger_is_taken_once(any_store: ObjectStore, run_at: RunAt) -> None:
    """The lock of the whole protocol."""
    writer = Writer(any_store)
    writer.ledger.reserve(writer.entry("one", run_at(1)))
    with pytest.raises(LostRace, match="another writer took publication 1 first"):
        writer.ledger.reserve(writer.entry("two", run_at(2)))
    assert writer.ledger.read(TABLE, PARTITION, 1).entry.run == run_at(1)


def test_an_earlier_try_that_wakes_up_is_fenced_by_a_later_one(store: ObjectStore, run_at: RunAt) -> None:
    writer = Writer(store)
    writer.publish("of the second try", run_at(2, attempt=2))
    with pytest.raises(FencedError, match="Nothing was published"):
        writer.publish("of the first try", run_at(2, attempt=1))
    assert writer.live() == "of the second try"


@pytest.mark.parametrize(("content", "outcome"), [("of the other", "lost"), ("mine", "unchanged")])
def test_who_loses_its_number_to_other_content_does_not_report_success(
    store: ObjectStore, run_at: RunAt, content: str, outcome: str
) -> None:
    writer = Writer(store)

    def overtake(name: str) -> None:
        if name == "reserve":
            writer.publish(content, run_at(3))

    late = replace(writer.publisher(), on_step=overtake)
    entry = writer.entry("mine", run_at(2))
    if outcome == "lost":
        with pytest.raises(LostRace):
            late.publish([entry])
    else:
        assert late.publish([entry])[0].state == "unchanged"
    assert (writer.live(), len(writer.ledger.sequence(TABLE, PARTITION))) == (content, 1)
    writer.check()


class SlowHead(ObjectStore):
    """A store whose answer about the live object arrives after another writer was at work."""

    between: Callable[[], None] | None = None

    def head(self, key: str, version_id: str | None = None) -> StoredObject | None:
        found = super().head(key, version_id)
        if key == LIVE and self.between:
            between, self.between = self.between, None
            between()
        return found


def test_who_was_overtaken_between_looking_and_placing_overwrites_nothing(store: ObjectStore, run_at: RunAt) -> None:
    writer = Writer(store)
    writer.publish("old", run_at(1))
    slow = SlowHead(store.client, store.bucket, threads=2)
    seen: list[str] = []

    def step(name: str) -> None:
        if name == "place":
            slow.between = lambda: writer.publish("newest", run_at(3)) and None
        seen.append(writer.live())

    orphan = Publisher(Ledger(slow), writer.catalog, on_step=step)
    with pytest.raises(LostRace, match="is older than the current publication"):
        orphan.publish([writer.entry("orphan", run_at(2))])
    assert "orphan" not in [*seen, writer.live()], "no reader sees the older content after the newer one"
    writer.check()


def test_of_writers_at_one_moment_those_who_report_success_are_those_the_ledger_names(run_at: RunAt) -> None:
    for together_at in ["check", "reserve"] * 10:
        client: Any = MemoryS3()
        store = ObjectStore(client, "lake", threads=2)
        start = threading.Barrier(6)

        def publish(
            number: int, store: ObjectStore = store, start: threading.Barrier = start, together_at: str = together_at
        ) -> LedgerEntry | None:
            writer = Writer(store)
            entry = writer.entry(f"content {number}", run_at(number))

            def step(name: str) -> None:
                if name == together_at:
                    start.wait(10)

            try:
                return Publisher(writer.ledger, writer.catalog, on_step=step).publish([entry])[0]
            except (LostRace, FencedError):
                return None

        with ThreadPoolExecutor(6) as pool:
            reported = {number: entry for number, entry in enumerate(pool.map(publish, range(6))) if entry}
        history = Writer(store).ledger.history(TABLE, PARTITION)
        assert reported, "a person wins"
        assert {number: entry.run.id for number, entry in reported.items()} == {n: run_at(n).id for n in reported}
        named = {entry.run.id for entry in history if entry.state == "published"}
        assert {entry.run.id for entry in reported.values()} <= named


def test_equal_rows_under_an_earlier_number_are_put_under_the_live_one(store: ObjectStore, run_at: RunAt) -> None:
    """A-B-A: a late request of the first publication put equal rows back; under its number, the second could replace them."""
    writer = Writer(store)
    for number, content in enumerate(("a", "b", "a"), 1):
        writer.publish(content, run_at(number))
    body, live = store.get(LIVE)
    store.put(Target(LIVE, {**live.metadata, SEQUENCE: "1"}), body)
    writer.publisher().settle(TABLE, PARTITION)
    writer.check()
