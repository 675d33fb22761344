"""Rollback of a whole release: each partition that differs gets the rows of the release, as a new publication.

Every step is one partition's own rollback, upstream tables first, so that no table is stale over inputs that came
back with it. A killed command is repeated: partitions that have the rows already are skipped.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Literal

from lakeworks.core.names import TableName
from lakeworks.errors import FencedError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.publications.present_inputs import PresentInputs
from lakeworks.publications.rollbacks import restore
from lakeworks.publications.withdrawal import withdraw
from lakeworks.releases.creation import missing
from lakeworks.releases.difference import ReleasedChange, compared, live_state, state_of
from lakeworks.releases.release import Release
from lakeworks.transform.sql import load_sql, upstream

Act = Literal["roll back", "restore", "withdraw", "leave"]


@dataclass(frozen=True)
class RollbackStep:
    """The act of a rollback on one partition, and the newest complete publication that it was decided on (0: none)."""

    change: ReleasedChange
    act: Act
    seen: int


def plan_release_rollback(
    lake: Lake, release: Release, tables: Sequence[str] = (), *, withdraw_later: bool = False
) -> list[RollbackStep]:
    """Return a step for every partition that differs from the release, upstream tables first. Changes nothing.

    A partition that the release does not have was published later. It is left, or withdrawn with `withdraw_later`.

    Raises:
        LakeNotFound: the bucket no longer has a version that is needed, or the release does not name a table.
    """
    names = _upstream_first(lake, list(tables) or list(release.tables))
    changes = compared(live_state(lake, names), state_of(release, names))
    needed = [change.after for change in changes if change.after]
    if gone := missing(lake, needed):
        raise LakeNotFound(
            f"Release `{release.name}`: the bucket no longer has {len(gone)} of {len(needed)} publications to roll back to, "
            f"first {gone[0].where} (publication {gone[0].live_seq}). Nothing was changed. Leave out the table with --tables, "
            "or build the partition from its landing objects: run it again."
        )
    steps = [RollbackStep(change, _act(change, withdraw_later), _seen(lake, change)) for change in changes]
    return sorted(steps, key=lambda step: names.index(step.change.table))


def _upstream_first(lake: Lake, names: Sequence[str]) -> list[str]:
    texts = {name: load_sql(lake.contract(name)) for name in sorted(names)}
    reads = {name: {str(source) for source in upstream(sql)} if sql else set() for name, sql in texts.items()}
    return list(
        TopologicalSorter({name: sources & set(names) - {name} for name, sources in reads.items()}).static_order()
    )


def roll_back_release(
    lake: Lake, steps: Sequence[RollbackStep], progress: Callable[[RollbackStep], None] = lambda _: None
) -> Iterator[LedgerEntry]:
    """Take the steps, one partition after another, and yield each new publication.

    Raises:
        FencedError: a run published a partition after the plan was made. Steps before it are done; plan again.
    """
    inputs = PresentInputs(lake)
    for step in steps:
        if step.act != "leave":
            yield _taken(lake, step, inputs)
        progress(step)


def _taken(lake: Lake, step: RollbackStep, inputs: PresentInputs) -> LedgerEntry:
    contract = lake.contract(step.change.table)
    if after := step.change.after:
        known = after.model_copy(update={"inputs": inputs.of(after)})
        return restore(lake, contract, known, seen=step.seen)
    return withdraw(lake, contract, step.change.partition, seen=step.seen)


def _act(change: ReleasedChange, withdraw_later: bool) -> Act:
    if change.after is None:
        return "withdraw" if withdraw_later else "leave"
    return "roll back" if change.before else "restore"


def _seen(lake: Lake, change: ReleasedChange) -> int:
    """Return the newest complete number: of the live publication, or of its withdrawal."""
    newest = lake.ledger.newest(TableName.parse(change.table), change.partition)
    if newest is None:
        raise FencedError(f"`{change.table}` {change.partition} was never published. Nothing was changed.")
    return newest.entry.live_seq
