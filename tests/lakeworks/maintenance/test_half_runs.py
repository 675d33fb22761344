"""Half runs: what verify says of them, what finishes them, and how long they hide what they published."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from lakeworks.core.layout import run_numbers_key
from lakeworks.core.partition import Partition
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_numbers import RunNumbers, RunRegister
from lakeworks.ledger.run_record import RunRecord
from lakeworks.maintenance import compaction
from lakeworks.maintenance.crash_recovery import roll_forward
from lakeworks.maintenance.expiry import withdraw_expired
from lakeworks.maintenance.garbage_collection import collect
from lakeworks.maintenance.half_runs import finish_runs
from lakeworks.maintenance.verification import repair, verify
from lakeworks.pipeline.publish_step import entry_for, publish
from lakeworks.pipeline.registration import Registrar
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from tests.simulation.history import History
from tests.simulation.running import simulation
from tests.simulation.scenario import Scenario
from tests.simulation.world import DAYS, MONTH, World

NOW = timedelta(0)


class Killed(BaseException):
    """The process is gone."""


class Month:
    """A table of three days in a lake in memory, with runs over all of them."""

    def __init__(self, layout: str) -> None:
        history = History(Scenario(seed=0, layout=layout, days=3), [])  # type: ignore[arg-type]
        self.world: World = history.world
        self.lake, self.wanted, self.days = self.world.lake, self.world.contract, self.world.partitions

    def stage(self, number: int, rows: int = 0) -> RunRecord:
        parts = 1 if self.wanted.storage.layout == "plain" else 2
        return self.world.stage(self.world.run(number), MONTH, DAYS, rows or number, parts=parts)

    def publish(self, number: int, rows: int = 0) -> RunRecord:
        return publish(self.lake, self.stage(number, rows).key)

    def die(self, number: int, step: str = "complete", *, placed: int = 3) -> RunRecord:
        """A run dies at a step, of as many partitions as had their number by then; the others were never begun."""
        manifest = self.stage(number)

        def on_step(name: str) -> None:
            if name == step:
                raise Killed

        publisher = Publisher(self.lake.ledger, Registrar(self.lake, self.wanted), on_step=on_step)
        if placed < 3:
            reserve, taken = publisher.ledger.reserve, []

            def reserve_some(entry: object) -> object:
                if len(taken) == placed:
                    raise Killed
                taken.append(entry)
                return reserve(entry)  # type: ignore[arg-type]

            publisher.ledger.reserve = reserve_some  # type: ignore[method-assign, assignment]
        with pytest.raises(Killed):
            publisher.publish([entry_for(self.wanted, manifest, item) for item in manifest.partitions])
        return manifest

    def half(self, number: int, *, staged: bool = False) -> None:
        """A run of which one day of three is published, for good."""
        manifest = self.die(number, placed=1)
        if not staged:
            for item in manifest.partitions[1:]:
                self.lake.store.delete([each.key for each in item.objects])
        Publisher(self.lake.ledger, Registrar(self.lake, self.wanted)).recover(self.wanted.table, self.days[0])

    @property
    def numbers(self) -> RunNumbers:
        return RunRegister(self.lake.store).read(self.wanted.table)

    def view(self) -> list[str]:
        """The run of each day, as readers by ledger see it."""
        seen = self.lake.with_whole_runs([self.wanted.table]).ledger.live_partitions(self.wanted.table)
        return [seen[day].run.id if day in seen else "" for day in self.days]

    def findings(self, patience: timedelta = NOW) -> list[tuple[str, Partition]]:
        return [(item.kind, item.partition) for item in verify(self.lake, self.wanted, patience=patience)]


@pytest.fixture(params=["plain", "versioned"])
def month(request: pytest.FixtureRequest) -> Iterator[Month]:
    with simulation():
        yield Month(request.param)


def test_a_run_that_died_before_its_number_is_numbered_by_repair_and_by_the_night(month: Month) -> None:
    month.publish(1)
    month.die(2, "number")
    assert month.view() == ["run-1"] * 3
    assert month.findings(timedelta(hours=1)) == [], "it may be under way"
    assert month.findings() == [("run without number", month.days[0])]
    found = verify(month.lake, month.wanted, patience=NOW)
    assert repair(month.lake, month.wanted, found) == found
    assert month.view() == ["run-2"] * 3
    assert month.findings() == []
    month.die(3, "number")
    month.world.clock.advance(timedelta(hours=2))
    assert roll_forward(month.lake, month.wanted).half == ()
    assert (month.view(), month.numbers.runs) == (["run-3"] * 3, 3)


def test_the_rest_of_a_run_that_died_between_its_partitions_is_published_from_its_staged_files(month: Month) -> None:
    month.publish(1)
    month.half(2, staged=True)
    assert month.view() == ["run-1"] * 3
    month.world.clock.advance(timedelta(days=2))
    collect(month.lake, [month.wanted], dry_run=False)
    assert month.findings() == [("half a run", month.days[1])]
    assert roll_forward(month.lake, month.wanted).half == ()
    assert month.view() == ["run-2"] * 3
    assert (month.findings(), month.numbers.open) == ([], ())


def test_a_run_that_stays_half_is_named_with_what_to_do_and_seen_by_no_reader_of_the_ledger(month: Month) -> None:
    month.publish(1)
    month.half(2)
    month.world.clock.advance(timedelta(days=2))
    (told,) = roll_forward(month.lake, month.wanted).half
    assert "run `run-2` (2026-01) published 1 of 3 partitions, 2026-01-02 not" in told
    assert f"Run {month.wanted.name} 2026-01 again" in told
    assert f"lakeworks rollback {month.wanted.name} 2026-01-01" in told
    (found,) = verify(month.lake, month.wanted)
    assert (found.kind, repair(month.lake, month.wanted, [found])) == ("half a run", [])
    assert month.view() == ["run-1"] * 3
    month.publish(3)
    assert (month.view(), month.findings(), month.numbers.open) == (["run-3"] * 3, [], ())


def test_a_half_run_is_over_when_what_it_published_is_rolled_back_or_withdrawn(month: Month) -> None:
    month.publish(1)
    month.half(2)
    rollback(month.lake, month.wanted, month.days[0])
    seen = month.lake.with_whole_runs([month.wanted.table]).ledger.live_partitions(month.wanted.table)
    assert [entry.content for entry in seen.values()] == [item.content for item in month.stage(1).partitions]
    month.half(3)
    withdraw(month.lake, month.wanted, month.days[0])
    assert month.view()[0] == ""
    assert finish_runs(month.lake, month.wanted, NOW) == [], "nothing of either is seen by anyone"
    assert [kind for kind, _ in month.findings()] == []
    assert len(month.numbers.open) == 2, "their processes may live and go on"
    month.world.clock.advance(timedelta(hours=25))
    finish_runs(month.lake, month.wanted, NOW)
    assert month.numbers.open == ()


def test_a_half_run_that_a_later_run_replaced_where_it_is_missing_is_whole(month: Month) -> None:
    month.publish(1)
    month.half(2)
    for day in DAYS[1:]:
        publish(month.lake, month.world.stage(month.world.run(3), day, [day], 3).key)
    assert month.view() == ["run-1", "run-3", "run-3"]
    assert finish_runs(month.lake, month.wanted, NOW) == []
    assert month.view() == ["run-2", "run-3", "run-3"]


def test_a_compaction_of_what_a_half_run_published_stays_hidden_with_it(month: Month) -> None:
    month.publish(1)
    month.half(2)
    done = compaction.compact(month.lake, month.wanted, month.days[0])
    assert done.state == ("unchanged" if done.layout == "plain" else "published"), "one object is compact"
    assert month.view() == ["run-1"] * 3
    month.publish(3, rows=2)
    assert month.view() == ["run-3"] * 3


def test_an_expiry_of_a_partition_of_a_half_run_is_seen(month: Month) -> None:
    month.publish(1)
    month.half(2)
    live = month.lake.ledger.live(month.wanted.table, month.days[0])
    assert live is not None
    withdraw_expired(month.lake, month.wanted, [live])
    assert month.view() == ["", "run-1", "run-1"]


def test_what_a_half_run_hides_is_read_until_the_bucket_would_delete_it(month: Month) -> None:
    month.publish(1)
    month.half(2)
    for _ in range(26):
        month.world.clock.advance(timedelta(days=1))
        roll_forward(month.lake, month.wanted)
        collect(month.lake, [month.wanted], dry_run=False)
    assert month.view() == ["run-1"] * 3
    seen = month.lake.with_whole_runs([month.wanted.table]).ledger.live_partitions(month.wanted.table)
    for entry in seen.values():
        for item in entry.objects:
            assert month.lake.store.get(item.key, item.version_id)
            assert month.wanted.storage.layout == "plain" or month.lake.store.head(item.key), "it was collected"
    month.world.clock.advance(timedelta(days=3))
    assert len(roll_forward(month.lake, month.wanted).half) == 1, "and it is still half"
    assert month.view() == ["run-2", "run-1", "run-1"]
    assert [kind for kind, _ in month.findings()] == ["half a run"]
    month.publish(3)
    assert (month.view(), month.findings()) == (["run-3"] * 3, [])


def test_a_document_that_cannot_be_read_is_named_and_stops_no_night(month: Month) -> None:
    month.publish(1)
    month.lake.store.put(run_numbers_key(month.wanted.table), b"{")
    assert month.findings() == [("ledger unreadable", Partition())]
    assert roll_forward(month.lake, month.wanted).half == ()
    month.world.clock.advance(timedelta(days=2))
    assert [item.kind for item in collect(month.lake, [month.wanted], dry_run=False)] == []
