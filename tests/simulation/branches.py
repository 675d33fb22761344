"""Dev lakes and releases in a history: what they do, and what must hold of them.

A dev lake is opened over the live lake, publishes rows of its own and is promoted. Its pinned publications can be read for its
whole life. A promotion replaces just the publication that it was built over. A release can be read for as long as it is held.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Any

from lakeworks.branches.document import DevRegister
from lakeworks.core.partition import Partition
from lakeworks.core.placement_stamp import content_hash
from lakeworks.dev.opening import DevRequest, open_dev_lake
from lakeworks.dev.promotion import PromotedPartition, promote
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.parquet.pinned_file import ObjectCache, PinnedObject
from lakeworks.pipeline.publish_step import publish
from lakeworks.releases.creation import ReleaseRequest, create_release
from lakeworks.releases.holding import hold_all
from lakeworks.releases.release import ReleaseRegister
from lakeworks.s3.dev_branch import PARENT
from tests.simulation import clock
from tests.simulation.readers import Violation
from tests.simulation.scenario import Actor
from tests.simulation.world import DAYS, MONTH, World


@dataclass
class _DevLake:
    """One dev lake's life, that a task's next try goes on with."""

    world: World
    actor: Actor
    manifest: str = ""
    published: bool = False
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = f"fix-{self.actor.number}"

    def live(self) -> list[PromotedPartition]:
        """Open it, build in it, read what it pins, and promote it."""
        lake = self.built()
        read_pins(self.world, lake)
        return _promote(self.world, self.name)

    def built(self) -> Lake:
        """Open it and build in it."""
        world, lake = self.world, self._opened()
        if not self.manifest:
            days = [DAYS[day] for day in self.actor.days]
            run = world.run(self.actor.number, name=f"dev-{self.name}")
            period = MONTH if len(days) > 1 else days[0]
            self.manifest = world.stage(run, period, days, self.actor.rows, parts=world.parts, store=lake.store).key
        if not self.published:
            publish(lake, self.manifest)
            self.published = True
        return lake

    def _opened(self) -> Lake:
        lake, register = self.world.lake, DevRegister(self.world.lake.store)
        if self.name not in register.documents.names():
            open_dev_lake(lake, [self.world.contract], DevRequest(self.name))
        return lake.over(register.read(self.name).document)


def _promote(world: World, name: str) -> list[PromotedPartition]:
    """Promote a dev lake, and write down for readers of whole runs which days the promotion's run brings."""

    def promoting(_: str) -> None:
        run = DevRegister(world.lake.store).read(name).document.promotion
        world.staged[run] = dict(world.staged[f"dev-{name}"])

    return promote(world.lake, name, [world.contract], on_step=promoting)


def dev_lake(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    """Live a dev lake's life."""
    return _DevLake(world, actor).live


def dev_build(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    """Build in a dev lake that a promoter promotes later."""
    return _DevLake(world, actor).built


def promote_again(world: World, _: Actor, __: int) -> Callable[[], Any]:
    """Promote what is built, and end the promotions that a killed process left."""

    def again() -> None:
        for document in DevRegister(world.lake.store).all():
            is_built = document.promotion or f"dev-{document.name}" in world.staged
            if is_built and not document.is_over(clock.VirtualDatetime.now(UTC)):
                _promote(world, document.name)

    return again


def read_pins(world: World, dev: Lake) -> None:
    """Read every publication of the live lake that a dev lake sees below its own."""
    ledger: Any = dev.ledger
    for partition in world.partitions:
        below = ledger.below(world.contract.table, partition)
        _read(dev, below, "a dev lake's pin")


def read_dev_lakes(world: World, _: Actor, __: int) -> Callable[[], Any]:
    """Read what each dev lake pins, as long as it lives."""

    return lambda: _read_dev_lakes(world)


def _read_dev_lakes(world: World) -> None:
    now = clock.VirtualDatetime.now(UTC)
    for document in DevRegister(world.lake.store).all():
        if not document.is_over(now + timedelta(hours=1)):
            read_pins(world, world.lake.over(document))


def release(world: World, actor: Actor, _: int) -> Callable[[], Any]:
    """Name what is live; the first thing that a person does with a release is to read it."""

    def create() -> None:
        create_release(world.lake, [world.contract], ReleaseRequest(f"release-{actor.name.replace(' ', '-')}"))
        _read_releases(world)

    return create


def hold(world: World, _: Actor, __: int) -> Callable[[], Any]:
    """Protect what releases name, as the nightly task does."""
    return lambda: hold_all(world.lake)


def read_releases(world: World, _: Actor, __: int) -> Callable[[], Any]:
    """Read every release."""
    return lambda: _read_releases(world)


def _read_releases(world: World) -> None:
    register = ReleaseRegister(world.lake.store)
    for stored in register.all():
        for entry in stored.document.entries:
            try:
                _read(world.lake, entry, f"release {stored.document.name}")
            except LakeNotFound:
                again = register.read(stored.document.name).document
                if again == stored.document:  # a copy that was made meanwhile is in the next document
                    raise


def _read(lake: Lake, entry: LedgerEntry | None, what: str) -> None:
    for item in entry.objects if entry else ():
        body = PinnedObject(lake.store, item, ObjectCache()).read()
        assert content_hash(body) == item.sha256, f"{what}: `{item.key}` is not what publication {entry} names"


def check(world: World, *, damaged: bool = True) -> None:
    """Check every promotion, dev lake and release of a history; before a person's damage also what was collected.

    Raises:
        Violation: a promotion replaced another publication than it was built over, or what is named cannot be read.
    """
    for partition in world.partitions:
        _check_promotions(world, partition)
    if world.layout == "versioned" and not damaged:
        _check_collection(world)
    if world.is_archived:
        return
    try:
        _read_releases(world)
    except (LakeNotFound, AssertionError) as error:
        raise Violation("release lost", str(error)) from error
    try:
        _read_dev_lakes(world)
    except (LakeNotFound, AssertionError) as error:
        raise Violation("pin of a dev lake lost", str(error)) from error


def _check_collection(world: World) -> None:
    """Check that immutable objects which a dev lake or a release names are at their keys, so that no clock runs for them."""
    named = [
        (f"release {stored.document.name}", entry)
        for stored in ReleaseRegister(world.lake.store).all()
        for entry in stored.document.entries
    ]
    for document in DevRegister(world.lake.store).all():
        ledger: Any = world.lake.over(document).ledger
        below = [ledger.below(world.contract.table, partition) for partition in world.partitions]
        named += [(f"dev lake {document.name}", entry) for entry in below if entry]
    for what, entry in named:
        for item in entry.objects:
            key = item.key.removeprefix(f"{PARENT}/")
            if world.bucket.current(key) is None:
                raise Violation("named objects collected", f"{what}: `{key}` was deleted")


def _check_promotions(world: World, partition: Partition) -> None:
    live, read, table = 0, world.lake.ledger.read, world.contract.table
    for number in world.lake.ledger.sequence(table, partition):
        entry = read(table, partition, number).entry
        if entry.promoted_from and entry.state == "published" and entry.run.id.startswith("promote-"):
            base = _base(world, entry)
            if base != live:
                raise Violation(
                    "promoted over other rows",
                    f"{partition}: publication {number} replaced {live}; its dev lake was built over {base}",
                )
        if entry.is_live:
            live = entry.live_seq if entry.objects else 0


def _base(world: World, promoted: LedgerEntry) -> int | None:
    name = promoted.promoted_from.partition(".")[0]
    own = promoted.promoted_from.rpartition("/")[2]
    dev = world.lake.over(DevRegister(world.lake.store).read(name).document)
    return dev.ledger.read(world.contract.table, promoted.parsed, int(own)).entry.base
