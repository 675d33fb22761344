"""The effect of a proposed lifecycle, compression or compaction on the bill of the current objects.

The result has the monthly run rate before the change and after all its transitions, and the one-time cost. It also has
the months until the savings exceed that cost. Archived objects stay unchanged. So do old versions, because the rollback
horizon limits them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from lakeworks.core.layout import owner_of
from lakeworks.cost.lifecycle import StorageLife
from lakeworks.prices import ObjectVersion, PriceBook, monthly_cost


@dataclass(frozen=True)
class Proposal:
    """A change to calculate: a lifecycle, a ratio of bytes after rewriting, a size up to which small files are merged."""

    lifecycle: Callable[[str], StorageLife] = lambda _: StorageLife()
    compression: float = 1.0
    compact_to_bytes: int | None = None
    layers: tuple[str, ...] = ()

    def covers(self, holding: ObjectVersion) -> bool:
        """Return True if the change is about this object."""
        return not self.layers or owner_of(holding.key).area in self.layers


@dataclass(frozen=True)
class CostEffect:
    """One group's monthly bill before and after the change, and the change's one-time cost; US dollars."""

    tenant: str
    layer: str
    table: str
    objects: int
    objects_after: int
    bytes: int
    bytes_after: int
    usd: float
    usd_after: float
    one_time_usd: float

    @property
    def saving_usd(self) -> float:
        """US dollars a month."""
        return self.usd - self.usd_after

    @property
    def months_to_pay(self) -> float | None:
        """Months until the savings exceed the one-time cost; None if they never do."""
        return self.one_time_usd / self.saving_usd if self.saving_usd > 0 else None


def effects(
    holdings: Iterable[ObjectVersion], proposal: Proposal, book: PriceBook, region: str, now: datetime
) -> list[CostEffect]:
    """Return the change's effect on every table it covers, the largest saving first."""
    groups: dict[tuple[str, str, str], list[ObjectVersion]] = {}
    for item in holdings:
        if item.current and proposal.covers(item) and not book.rules(item.storage_class).archived:
            place = owner_of(item.key)
            groups.setdefault((place.tenant, place.area, place.table), []).append(item)
    changed = [_effect(group, items, proposal, (book, region, now)) for group, items in groups.items()]
    return sorted(changed, key=lambda item: (-item.saving_usd, item.layer, item.table))


_World = tuple[PriceBook, str, datetime]


def _effect(group: tuple[str, str, str], items: list[ObjectVersion], proposal: Proposal, world: _World) -> CostEffect:
    book, region, now = world
    rewritten = list(_rewritten(items, proposal))
    changed = proposal.compression != 1.0 or len(rewritten) != len(items)
    after = [moved for item in rewritten if (moved := _moved(item, proposal.lifecycle, now))]
    once = _rewriting(items, rewritten, world) if changed else 0.0
    for item in rewritten:
        there = _moved(item, proposal.lifecycle, now)
        if there and there.storage_class != item.storage_class:
            once += book.price(region, there.storage_class).transition / 1000
            once += 0.0 if changed else _early(item, world)
    return CostEffect(
        *group, len(items), len(after), sum(item.size for item in items), sum(item.size for item in after),
        _monthly(items, book, region), _monthly(after, book, region), once,
    )  # fmt: skip


def _rewritten(items: list[ObjectVersion], proposal: Proposal) -> Iterator[ObjectVersion]:
    """Yield the objects after compression and after merging a folder's objects up to the wanted size, in STANDARD."""
    smaller = [_sized(item, round(item.size * proposal.compression)) for item in items]
    if proposal.compact_to_bytes is None:
        yield from smaller
        return
    folders: dict[tuple[str, str], list[ObjectVersion]] = {}
    for item in smaller:
        folders.setdefault((item.key.rpartition("/")[0], item.storage_class), []).append(item)
    for (folder, _), parts in folders.items():
        total = sum(part.size for part in parts)
        count = min(-(-total // proposal.compact_to_bytes) or 1, len(parts))
        newest = max(parts, key=lambda part: part.modified)
        for number in range(count):
            share = total // count + (1 if number < total % count else 0)
            yield ObjectVersion(f"{folder}/part-{number:05d}.parquet", share, newest.storage_class, newest.modified)


def _sized(item: ObjectVersion, size: int) -> ObjectVersion:
    return ObjectVersion(item.key, size, item.storage_class, item.modified)


def _moved(item: ObjectVersion, lifecycle: Callable[[str], StorageLife], now: datetime) -> ObjectVersion | None:
    """Return the object in the class that the lifecycle gives its age; None if it would have expired."""
    class_now = lifecycle(item.key).class_at(max((now - item.modified).days, 0), item.size, item.storage_class)
    return item.in_class(class_now) if class_now else None


def _rewriting(items: list[ObjectVersion], rewritten: list[ObjectVersion], world: _World) -> float:
    """Return the cost of reading and writing everything once, and of unfinished minimum durations."""
    book, region, _ = world
    reads = sum(book.price(region, item.storage_class).get / 1000 for item in items)
    fetched = sum(item.size * book.price(region, item.storage_class).retrieval for item in items) / (1 << 30)
    return (
        reads
        + fetched
        + len(rewritten) * book.price(region, "STANDARD").put / 1000
        + sum(_early(i, world) for i in items)
    )


def _early(item: ObjectVersion, world: _World) -> float:
    """Return the cost of the rest of a minimum duration: AWS bills it although the object is deleted."""
    book, region, now = world
    days = max(book.rules(item.storage_class).minimum_days - (now - item.modified).days, 0)
    return monthly_cost(item, book, region).storage * days / 30


def _monthly(items: Iterable[ObjectVersion], book: PriceBook, region: str) -> float:
    costs = [monthly_cost(item, book, region) for item in items]
    return sum(cost.storage + cost.monitoring for cost in costs)
