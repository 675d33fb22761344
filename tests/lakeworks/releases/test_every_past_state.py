"""Rows of a moment, of a run's end and of a release equal a copy taken then, over random histories."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from lakeworks.errors import LakeError
from lakeworks.lake import Lake
from lakeworks.maintenance import garbage_collection as garbage
from lakeworks.maintenance.compaction import compact
from lakeworks.maintenance.verification import repair, verify
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from lakeworks.releases.creation import ReleaseRequest, create_release
from lakeworks.releases.holding import hold_all
from lakeworks.releases.past_reader import PastChoice, PastReader
from tests.lakeworks.releases.released_lake import DAYS, Days, Killed, Rows

ACTS = (
    "publish",
    "publish",
    "half",
    "unnumbered",
    "rollback",
    "withdraw",
    "compact",
    "collect",
    "repair",
    "release",
    "release",
)


def take(table: Days, act: str, days: Any, value: int) -> None:
    """Take one act of a history. The lake refuses what is not possible then, and that changes nothing."""
    day, lake, contract = min(days, key=lambda each: each.path), table.lake, table.contract
    acts: dict[str, Callable[[], object]] = {
        "publish": lambda: table.publish(days, value),
        "half": lambda: table.publish(days, value, die_after=1),
        "unnumbered": lambda: table.publish(days, value, die_at="number"),
        "rollback": lambda: rollback(lake, contract, day),
        "withdraw": lambda: withdraw(lake, contract, day),
        "compact": lambda: compact(lake, contract, day),
        "collect": lambda: garbage.collect(lake, [contract], older_than=timedelta(0), dry_run=False),
        "repair": lambda: repair(lake, contract, verify(lake, contract, patience=timedelta(0))),
    }
    with suppress(LakeError, Killed):
        acts[act]()


@pytest.mark.parametrize("layout", ["plain", "versioned"])
@pytest.mark.parametrize("seed", range(4))
def test_every_past_state_equals_a_copy_taken_then(lake: Lake, layout: str, seed: int) -> None:
    table, draw = Days.of(lake, layout), Random(seed)
    moments: list[tuple[datetime, Rows]] = []
    runs, releases = dict[str, Rows](), dict[str, Rows]()
    history = [(draw.choice(ACTS), draw.sample(DAYS, draw.randint(1, 3)), draw.randint(1, 4)) for _ in range(9)]
    for number, (act, days, value) in enumerate([("publish", DAYS, 9), *history]):
        if act == "release":
            try:
                create_release(table.lake, [table.contract], ReleaseRequest(f"r{number}"))
                releases[f"r{number}"] = table.copy()
            except LakeError:
                assert table.copy() == {}, "a release is refused only if nothing is live"
            continue
        known = len(table.ids)
        take(table, act, days, value)
        moments.append((datetime.now(UTC), table.copy()))
        runs |= dict.fromkeys(table.ids[known:], moments[-1][1])
    for moment, copy in moments:
        assert state(table, PastChoice(as_of=moment)) == copy
    for run, copy in runs.items():
        assert state(table, PastChoice(run=run)) == copy
    assert all(not held.faults for held in hold_all(table.lake))
    table.delete_replaced_versions()
    for release, copy in releases.items():
        assert state(table, PastChoice(release=release)) == copy


def state(table: Days, choice: PastChoice) -> Rows:
    reader = PastReader.of(table.lake, [table.contract], choice)
    assert reader is not None
    return table.rows(reader.entries(table.lake, table.contract))


@pytest.mark.parametrize("layout", ["plain", "versioned"])
def test_a_half_run_that_a_later_run_replaced_was_never_seen(lake: Lake, layout: str) -> None:
    """Its ticket is gone by now, and its partition lies in the ledger like any other: the past must not show it."""
    table = Days.of(lake, layout)
    table.publish(DAYS, 9)
    take(table, "half", DAYS, 1)
    moment, copy = datetime.now(UTC), table.copy()
    assert {tuple(ids) for ids in copy.values()} == {(9,)}
    table.publish(DAYS, 2)
    assert state(table, PastChoice(as_of=moment)) == copy
