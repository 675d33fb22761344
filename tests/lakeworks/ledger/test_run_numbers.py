"""Runs over several partitions: readers by ledger see all of a run or nothing of it, whatever becomes of its process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakeworks.core.layout import live_key, run_numbers_key
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition
from lakeworks.core.placement_stamp import content_hash
from lakeworks.errors import LedgerCorrupt, LostRace, NewerFormat
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_numbers import RunNumbers, RunRegister
from lakeworks.ledger.run_record import Run
from lakeworks.s3.object_store import SHA256, ObjectStore, Target
from tests.support.memory_s3 import MemoryS3

TABLE = TableName.parse("silver.test.rows")
DAYS = tuple(Partition.parse(f"year=2019/month=01/day={day:02d}") for day in range(1, 32))
THREE = DAYS[:3]


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Table:
    """One table in memory; each request is counted by its operation and key."""

    requests: list[tuple[str, str]] = field(default_factory=list)
    now: datetime = datetime(2019, 2, 1, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.bucket = MemoryS3(lambda: self.now)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.bucket, name)
        if name == "get_paginator":
            return found

        def counted(**arguments: Any) -> Any:
            self.requests.append((name, arguments.get("Key", "")))
            return found(**arguments)

        return counted

    @property
    def store(self) -> ObjectStore:
        client: Any = self
        return ObjectStore(client, "lake", threads=1)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store)

    @property
    def numbers(self) -> RunNumbers:
        return RunRegister(self.store).read(TABLE)

    def entry(self, partition: Partition, number: int, body: str = "", attempt: int = 1) -> LedgerEntry:
        run = Run(
            id=f"run-{number}", started_at=datetime(2019, 1, 1, tzinfo=UTC) + timedelta(hours=number), attempt=attempt
        )
        rows = (body or f"rows of {number}").encode() + partition.path.encode()
        staged, digest = (
            f"_staging/silver/test/rows/period=2019-01/{run.key}/{partition.path}/part-00000.parquet",
            content_hash(rows),
        )
        self.store.put(Target(staged, {SHA256: digest}), rows)
        item = LiveObject(key=live_key(TABLE, partition), size=len(rows), sha256=digest, rows=1, source_key=staged)
        return LedgerEntry(
            table=str(TABLE), partition=partition.path, seq=1, state="publishing", live_seq=1, run=run, period="2019-01",
            contract_version="1.0.0", schema_fingerprint="f", content=digest, objects=(item,),
            location=item.key.rpartition("/")[0] + "/", staging=staged.partition("year=")[0], reserved_at=self.now,
        )  # fmt: skip

    def publish(
        self, days: Sequence[Partition], number: int, body: str = "", attempt: int = 1, **publisher: Any
    ) -> list[LedgerEntry]:
        wanted = [self.entry(day, number, body, attempt) for day in days]
        return Publisher(self.ledger, lambda _: None, **publisher).publish(wanted)

    def die(self, step: str, days: Sequence[Partition], number: int, *, after: int = 0, **more: Any) -> None:
        seen = 0

        def on_step(name: str) -> None:
            nonlocal seen
            if name == step:
                if seen == after:
                    raise Killed
                seen += 1

        with pytest.raises(Killed):
            self.publish(days, number, on_step=on_step, **more)

    def view(self) -> dict[Partition, str]:
        """What a reader by ledger sees: the run of each partition."""
        seen = Ledger(self.store, {TABLE: self.numbers}).live_partitions(TABLE)
        return {day: entry.run.id for day, entry in seen.items()}


@pytest.fixture
def table() -> Table:
    return Table()


def of(run: str, days: Sequence[Partition] = THREE) -> dict[Partition, str]:
    return dict.fromkeys(days, run)


def test_a_reader_sees_nothing_of_a_run_at_any_step_until_it_has_its_number(table: Table) -> None:
    table.publish(THREE, 1)
    views: list[dict[Partition, str]] = []
    table.publish(THREE, 2, on_step=lambda _: views.append(table.view()))
    assert views == [of("run-1")] * len(views)
    assert len(views) > 8
    assert table.view() == of("run-2")
    assert (table.numbers.runs, table.numbers.open) == (2, ())


def test_a_reader_that_read_the_numbers_first_is_not_deceived_by_a_run_that_ends_meanwhile(table: Table) -> None:
    table.publish(THREE, 1)
    before = table.numbers
    first = Ledger(table.store, {TABLE: before}).live(TABLE, THREE[0])
    table.publish(THREE, 2)
    rest = [Ledger(table.store, {TABLE: before}).live(TABLE, day) for day in THREE[1:]]
    assert {entry.run.id for entry in (first, *rest) if entry} == {"run-1"}


STEPS = [
    ("ticket", 0),
    ("reserve", 0),
    ("place", 0),
    ("placed", 0),
    ("placed", 1),
    ("register", 0),
    ("complete", 0),
    ("number", 0),
]


@pytest.mark.parametrize(("step", "after"), STEPS)
def test_a_killed_run_is_not_seen_and_its_next_attempt_is_seen_as_a_whole(table: Table, step: str, after: int) -> None:
    table.publish(THREE, 1)
    table.die(step, THREE, 2, after=after)
    assert table.view() == of("run-1")
    views: list[dict[Partition, str]] = []
    table.publish(THREE, 2, attempt=2, on_step=lambda _: views.append(table.view()))
    assert views == [of("run-1")] * len(views)
    assert table.view() == of("run-2")
    assert table.numbers.open == (), "the ticket of the first attempt is forgotten"


def test_a_run_of_one_partition_over_a_half_run_is_seen_at_once(table: Table) -> None:
    table.publish(THREE, 1)
    table.die("number", THREE, 2)
    table.publish(THREE[:1], 3)
    assert table.view() == {**of("run-1"), THREE[0]: "run-3"}


def test_a_run_that_confirms_what_a_half_run_hides_shows_it_as_a_whole(table: Table) -> None:
    table.publish(THREE, 1)
    table.die("number", THREE, 2)
    views: list[dict[Partition, str]] = []
    table.publish(THREE, 3, "rows of 2", on_step=lambda _: views.append(table.view()))
    assert views == [of("run-1")] * len(views)
    assert table.view() == of("run-3")


def test_an_older_run_with_the_rows_of_a_half_run_is_seen_when_it_reports_success(table: Table) -> None:
    table.publish(THREE, 1)
    table.die("number", THREE, 3, body="rows of 2")
    assert [entry.state for entry in table.publish(THREE, 2)] == ["unchanged"] * 3
    assert table.view() == of("run-3"), "the order of runs stays: an older one cannot publish over it"
    table.die("number", THREE, 4)
    table.publish(THREE[:1], 2, "rows of 4")
    assert table.view() == {**of("run-3"), THREE[0]: "run-4"}


def test_a_writer_of_the_same_rows_that_loses_its_numbers_to_a_run_under_way_tries_again(table: Table) -> None:
    table.publish(THREE, 1)

    def on_step(name: str) -> None:
        if name == "reserve" and len(table.numbers.open) == 1:
            table.die("number", THREE, 2, attempt=2)

    with pytest.raises(LostRace):
        table.publish(THREE, 2, on_step=on_step)
    assert table.view() == of("run-1")
    table.publish(THREE, 2)
    assert table.view() == of("run-2")
    assert table.numbers.open == ()


def test_two_runs_at_once_have_different_numbers_and_tickets(table: Table) -> None:
    other = DAYS[3:6]

    def on_step(name: str) -> None:
        if name == "place":
            table.publish(other, 2)

    table.publish(THREE, 1, on_step=on_step)
    assert [(run.number, run.run) for run in table.numbers.newest] == [(1, "run-2"), (2, "run-1")]
    assert len({run.ticket for run in table.numbers.newest}) == 2
    assert table.view() == {**of("run-1"), **of("run-2", other)}


def numbers_requests(table: Table) -> list[str]:
    return [name for name, key in table.requests if key == run_numbers_key(TABLE)]


@pytest.mark.parametrize(
    ("days", "expected"),
    [(1, []), (2, ["get_object", "put_object", "put_object"]), (31, ["get_object", "put_object", "put_object"])],
)
def test_a_run_costs_three_requests_more_whatever_its_partitions_and_one_of_one_partition_none(
    table: Table, days: int, expected: list[str]
) -> None:
    table.publish(DAYS[:days], 1)
    assert numbers_requests(table) == expected
    table.requests.clear()
    table.publish(DAYS[:days], 2, "rows of 1")
    assert numbers_requests(table) == ["get_object"][: len(expected)], "rows that are confirmed take no number"
    table.requests.clear()
    table.publish(DAYS[:days], 3, "rows of 1")
    assert numbers_requests(table) == [], "and nothing asks whether an entry without a ticket is hidden"


def test_the_document_does_not_grow_with_the_years(table: Table) -> None:
    for number in range(1, 61):
        table.publish(THREE[:2], number)
    size = len(table.store.get(run_numbers_key(TABLE))[0])
    for number in range(61, 121):
        table.publish(THREE[:2], number)
    assert table.numbers.runs == 120
    assert len(table.store.get(run_numbers_key(TABLE))[0]) < size + 100


def test_a_release_that_knows_no_numbers_completes_and_ignores_them(table: Table) -> None:
    table.die("place", THREE, 1)
    Publisher(table.ledger, lambda _: None).recover(TABLE, THREE[0])
    assert table.ledger.read(TABLE, THREE[0], 1).entry.ticket == 1, "the ticket stays in an entry that others complete"
    assert set(table.ledger.numbers(TABLE)) == set(THREE)
    assert table.ledger.strays(TABLE) == []


@pytest.mark.parametrize(("body", "error"), [(b"{", LedgerCorrupt), (b'{"format": 2}', NewerFormat)])
def test_a_document_that_cannot_be_read_is_named(table: Table, body: bytes, error: type[Exception]) -> None:
    table.store.put(run_numbers_key(TABLE), body)
    with pytest.raises(error, match=r"_numbers\.json"):
        table.publish(THREE, 1)
    assert table.ledger.numbers(TABLE) == {}, "no number was taken"
    table.publish(THREE[:1], 1)


Race = Callable[[str], None]


def test_a_number_is_taken_by_compare_and_swap(table: Table) -> None:
    """The document that a run read before another one ended must not be written back."""
    inner: list[int] = []

    def on_step(name: str) -> None:
        if name == "number" and not inner:
            inner.append(1)
            table.publish(DAYS[3:5], 2)

    table.publish(THREE, 1, on_step=on_step)
    assert table.numbers.runs == 2
    assert {run.run for run in table.numbers.newest} == {"run-1", "run-2"}


def test_a_confirmed_day_that_another_run_takes_leaves_the_changed_day_hidden(table: Table) -> None:
    """Seed 1057 of the simulation: one change and one confirmation took no ticket, and half of the run was seen."""
    first, second = DAYS[:2]
    table.publish((first, second), 1)
    wanted = [table.entry(first, 2), table.entry(second, 2, "rows of 1")]

    def overtake(step: str) -> None:
        if step == "reserve":
            table.publish((second,), 3)

    with pytest.raises(LostRace):
        Publisher(table.ledger, lambda _: None, on_step=overtake).publish(wanted)
    Publisher(table.ledger, lambda _: None).recover(TABLE, first)
    assert table.view() == {first: "run-1", second: "run-3"}, "run 2 is not whole: nothing of it is seen"
    table.publish((first, second), 4)
    assert table.view() == of("run-4", (first, second))


def test_a_run_that_a_newer_one_overtook_is_remembered_as_never_seen() -> None:
    """Readers of the past need it: its entries lie in the ledger like any others, and no ticket hides them any more."""
    table = Table()
    register = RunRegister(table.store)

    def ticket(number: int) -> Any:
        entries = [table.entry(day, number).model_copy(update={"seq": number}) for day in THREE]
        return register.take(TABLE, entries, None)

    older, newer = ticket(1), ticket(2)
    assert register.complete(TABLE, newer) == 1
    assert (table.numbers.open, table.numbers.unseen) == ((), (older.ticket.number,))
