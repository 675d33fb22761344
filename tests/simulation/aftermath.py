"""The end of a history: everything must be right before a last publication could heal it, a month later, and after it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from lakeworks.core.partition import Partition
from lakeworks.errors import LakeError
from lakeworks.maintenance.restoration import restore
from lakeworks.maintenance.verification import repair, verify
from lakeworks.prices import load_price_book
from tests.simulation import branches, inbox
from tests.simulation.actors import work_of
from tests.simulation.bucket import RESTORE
from tests.simulation.readers import Readers, Violation
from tests.simulation.scenario import Actor, Scenario
from tests.simulation.world import DAYS, LAST, NEXT, World

HORIZON = timedelta(days=31)


@dataclass
class Aftermath:
    """The checks at the end of one history; `wait` lets time pass with its nights and its lifecycle."""

    world: World
    scenario: Scenario
    readers: Readers
    wait: Callable[[timedelta], None]

    def check(self, *, calm: bool) -> None:
        """Check everything. After a calm history nothing needs a repair.

        Raises:
            Violation: something is wrong.
        """
        if not calm:
            self._repair()
        self._agree("before the last publication")
        branches.check(self.world, damaged=False)
        if self.scenario.next_run:
            self._publish("the next publication", NEXT)
        if self.scenario.damage and not self.scenario.archived:  # an archived version has to be restored first
            self._damage()
        self.wait(HORIZON)
        self._agree("a month later")
        if self.scenario.archived:
            self._thaw()
        branches.check(self.world)
        if wrong := inbox.lost_files(self.world):
            raise Violation("dropped file lost", wrong)
        self._publish("the last publication", LAST)
        self._agree("after the last publication")
        branches.check(self.world)

    def _thaw(self) -> None:
        """Restore what is archived, as the command does: after the hours it names readers by ledger read everything."""
        world, days = self.world, DAYS[: self.scenario.days]
        for day in days:
            restore(world.lake, world.contract, day, load_price_book(), days=3)
        world.clock.advance(RESTORE)
        if not all(restore(world.lake, world.contract, day, load_price_book()).is_readable for day in days):
            raise Violation("still archived", "after the hours that the restore named")
        world.is_archived = False
        self._agree("after a restore")

    def _damage(self) -> None:
        """Damage every live object; a repair brings all of them back, for good."""
        bucket = self.world.bucket
        for key in bucket.below(f"{self.world.contract.table.path}/"):
            found = bucket.keys[key][-1]
            if self.scenario.damage == "deleted":
                bucket.mark_deleted(key)
            elif self.scenario.damage == "overwritten":
                bucket.put_object(Key=key, Body=b"a stranger's bytes")
            else:
                bucket.put_object(Key=key, Body=found.body, Metadata=found.metadata)
        self._repair()
        self._agree(f"after a repair of what was {self.scenario.damage}")

    def _repair(self) -> None:
        try:
            repair(
                self.world.lake,
                self.world.contract,
                verify(self.world.lake, self.world.contract, patience=timedelta(0)),
            )
        except LakeError as error:
            raise Violation("repair failed", str(error)) from error
        self.readers.look()

    def _agree(self, when: str) -> None:
        self.readers.agree(when)
        try:
            findings = verify(self.world.lake, self.world.contract, patience=timedelta(0))
        except LakeError as error:
            raise Violation(f"verify failed {when}", str(error)) from error
        for found in findings:
            if found.kind in ("ledger unreadable", "foreign object", "table not in catalog") and self._is_damaged(
                found.partition
            ):
                continue
            if found.kind in ("half a run", "run without number") and not when.startswith("after the last"):
                continue  # a run that lost a race half-way: the night looks after it, or a person, or the next run
            raise Violation(f"verify {when}: {found.kind}", f"{found.partition}: {found.detail}")

    def _is_damaged(self, partition: Partition) -> bool:
        """Return whether documents of a partition, or a run's record, were damaged on purpose; verify has to say so."""
        damaged = any(actor.kind == "vandal" for actor in self.scenario.actors)
        return damaged and partition not in self.world.partitions

    def _publish(self, what: str, number: int) -> None:
        """Let a run that begins now publish in peace."""
        days = tuple(range(self.scenario.days))
        try:
            work_of(self.world, Actor(what, "writer", number, days, number))()
        except LakeError as error:
            raise Violation(f"{what}: {type(error).__name__}", str(error)) from error
        self.readers.look()
