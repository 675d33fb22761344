"""Readings of the lake are shared, renewed, and never older or other than they say."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from lakeworks.core.partition import Partition, Period
from lakeworks.documentation.lineage_graph import graph_of
from lakeworks.errors import LakeUnavailable
from lakeworks.status.matrix import Cell, Matrix, PartitionState, Square, hour_calendar
from lakeworks_airflow.lake_page.readings import Reading, Readings, Underway


@dataclass
class Lake:
    """Counts how often it is read; each reading waits until it may go on."""

    reads: int = 0
    may: threading.Event = field(default_factory=threading.Event)

    def read(self) -> int:
        self.reads += 1
        number = self.reads
        assert self.may.wait(30)
        return number


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def value(found: Reading[int] | Underway) -> int:
    assert isinstance(found, Reading)
    return found.value


def soon(ask: Callable[[], Reading[int] | Underway], wanted: int) -> None:
    """The new reading takes the old one's place without anybody waiting for it."""
    for _ in range(1_000):
        if value(ask()) == wanted:
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"{ask()} is not {wanted}")


def test_a_first_reading_that_takes_long_says_so_and_is_made_once() -> None:
    lake, readings = Lake(), Readings(patience=0.01)
    assert isinstance(readings.get("x", lake.read), Underway)
    assert isinstance(readings.get("x", lake.read), Underway)
    lake.may.set()
    readings.patience = 30
    assert (value(readings.get("x", lake.read)), lake.reads) == (1, 1)


def test_an_old_reading_is_shown_while_the_next_is_made() -> None:
    lake, clock = Lake(), Clock()
    readings = Readings(keep=60, patience=30, clock=clock)
    lake.may.set()
    assert value(readings.get("x", lake.read)) == 1
    clock.now = 59
    assert (value(readings.get("x", lake.read)), lake.reads) == (1, 1)
    lake.may.clear()
    clock.now = 61
    assert value(readings.get("x", lake.read)) == 1
    lake.may.set()
    soon(lambda: readings.get("x", lake.read), 2)


def test_a_very_old_reading_is_not_shown() -> None:
    lake, clock = Lake(), Clock()
    readings = Readings(keep=60, patience=30, clock=clock)
    lake.may.set()
    readings.get("x", lake.read)
    clock.now = 601
    assert value(readings.get("x", lake.read)) == 2


def test_a_reading_that_fails_leaves_nothing_behind() -> None:
    def fail() -> int:
        raise LakeUnavailable("S3 does not answer.")

    clock = Clock()
    readings = Readings(patience=30, clock=clock)
    assert value(readings.get("x", lambda: 1)) == 1
    clock.now = 61
    readings.get("x", fail)  # the old one is shown, and a new one begins

    def ask_until_it_fails() -> None:
        for _ in range(1_000):
            readings.get("x", fail)
            threading.Event().wait(0.01)

    with pytest.raises(LakeUnavailable):
        ask_until_it_fails()
    assert value(readings.get("x", lambda: 3)) == 3


def test_those_looked_at_longest_ago_are_forgotten() -> None:
    readings = Readings(patience=30, most=2)
    for name in ("a", "b", "c"):
        readings.get(name, lambda: 1)
    assert value(readings.get("c", lambda: 2)) == 1
    assert value(readings.get("a", lambda: 2)) == 2


def test_a_bill_is_kept_while_many_tables_are_looked_at() -> None:
    """It lists the whole bucket: it must not be read again because a person went through the tables."""
    tables = Readings(patience=30, most=2)
    bills = tables.beside(1)
    assert value(bills.get("the bill", lambda: 1)) == 1
    for name in ("a", "b", "c"):
        tables.get(name, lambda: 0)
    assert value(bills.get("the bill", lambda: 2)) == 1


def test_hours_are_a_calendar_of_days_by_hours() -> None:
    hours = [Period.parse(key) for key in ("2019-01-05T00", "2019-01-05T23", "2019-01-06T07", "2019-02-01T00")]
    states: list[PartitionState] = ["published", "missing", "stale", "published"]
    cells = [Cell(Partition.of_period(hour), hour, state) for hour, state in zip(hours, states, strict=True)]
    first, second = hour_calendar(Matrix("t", tuple(cells)), "2019-01")
    assert (first.label, second.label, len(first.squares)) == ("2019-01-05", "2019-01-06", 24)
    assert [first.squares[hour] for hour in (0, 1, 23)] == [Square("published"), None, Square("missing")]
    assert second.squares[7] == Square("stale")


def test_a_table_is_drawn_to_the_right_of_what_it_is_built_from() -> None:
    feeds = {"silver": ["bronze", "elsewhere"], "gold": ["silver", "bronze"]}
    graph = graph_of(["bronze", "silver", "gold"], feeds)
    x = {node.name: node.x for node in graph.nodes}
    assert x["bronze"] < x["silver"] < x["gold"]
    assert {node.name for node in graph.nodes if node.foreign} == {"elsewhere"}
    assert len(graph.edges) == 4
    assert graph_of(["a", "b"], {"a": ["b"], "b": ["a"]}).nodes, "tables that feed each other are drawn all the same"
