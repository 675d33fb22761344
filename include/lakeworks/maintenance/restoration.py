"""Restoration: make archived objects of a table readable for some days, and report time and cost."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from lakeworks.contract import Contract
from lakeworks.core.layout import landing_prefix
from lakeworks.core.partition import Period
from lakeworks.errors import ConfigError, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.landing.files import source_of
from lakeworks.ledger.ledger import leave_out
from lakeworks.prices import GIB, PriceBook
from lakeworks.s3.archive import ARCHIVES, ArchiveState, Tier, archive_state, request_restore


@dataclass(frozen=True)
class Restoration:
    """The archived objects of a table's period, and time and cost of a restore of the unreadable ones."""

    table: str
    period: str
    items: tuple[ArchiveState, ...]
    tier: Tier
    hours: float  # from the request until all are readable
    cost_usd: float | None  # None if the price book has no price for the tier

    @property
    def is_readable(self) -> bool:
        """Return whether every object can be read now."""
        return all(item.state in ("readable", "restored") for item in self.items)

    @property
    def until(self) -> datetime | None:
        """Return how long all of them stay readable."""
        return min((item.until for item in self.items if item.until), default=None)

    def as_dict(self) -> dict[str, Any]:
        """Return a row for people and programs."""
        waiting = [item for item in self.items if item.state == "archived"]
        return {
            "table": self.table,
            "period": self.period,
            "classes": ", ".join(sorted({item.storage_class for item in self.items if item.storage_class in ARCHIVES})),
            **{
                state: Counter(item.state for item in self.items)[state]
                for state in ("archived", "restoring", "restored")
            },
            "bytes": sum(item.size for item in waiting),
            "tier": self.tier,
            "hours": self.hours if waiting else 0,
            "cost_usd": None if self.cost_usd is None else round(self.cost_usd, 4),
            "until": f"{self.until:%Y-%m-%d %H:%M} UTC" if self.until else "",
        }


def restore(  # noqa: PLR0913 - each is an option of the command
    lake: Lake,
    contract: Contract,
    period: Period | None,
    book: PriceBook,
    *,
    tier: Tier = "bulk",
    days: int | None = None,
    publication: int | None = None,
) -> Restoration:
    """Restore a table's archived live and landed objects for `days`, of one period or of all.

    With `publication`, those of the publication with this number instead, so that it can be rolled back to. Without `days` it
    only reports. A second call requests only restores that are not under way.

    Raises:
        ConfigError: the class has no such tier; nothing was requested.
        LakeUnavailable: S3 has no capacity for an expedited restore now.
        LakeNotFound: no partition has such a publication; nothing was requested.
    """
    if tier not in get_args(Tier):
        raise ConfigError(f"`{tier}` is not a tier. Nothing was requested. Tiers: bulk, standard, expedited.")
    found = _objects_of(lake, contract, period, publication) if publication else _objects(lake, contract, period)
    items = [item for item in found if item.storage_class in ARCHIVES or item.state != "readable"]
    waiting = [item for item in items if item.state == "archived"]
    hours = max((_hours(book, item, tier) for item in waiting), default=0.0)
    cost = cost_of(book, lake.store.client.meta.region_name, waiting, tier)
    if days is not None:
        lake.store.map(lambda item: request_restore(lake.store, item, tier, days), waiting)
        items = lake.store.map(lambda item: archive_state(lake.store, item.key, item.version_id), items)
    return Restoration(contract.name, str(period or "all"), tuple(items), tier, hours, cost)


def cost_of(book: PriceBook, region: str, items: Iterable[ArchiveState], tier: Tier) -> float | None:
    """Return the cost of restoring objects; None if the price book lacks region or tier."""
    total = 0.0
    for item in items:
        known = region in book.regions and item.storage_class in book.regions[region].classes
        price = book.restore_price(region, item.storage_class, tier) if known else None
        if price is None:
            return None
        total += price.request / 1000 + item.size / GIB * price.retrieval
    return total


def _objects(lake: Lake, contract: Contract, period: Period | None) -> Iterator[ArchiveState]:
    live = (
        lake.live(contract, period) if period else lake.ledger.live_partitions(contract.table, on_unreadable=leave_out)
    )
    pinned = [(item.key, item.version_id) for entry in live.values() for item in entry.objects]
    yield from (state for state in lake.store.map(lambda item: _state(lake, *item), pinned) if state)
    if contract.source:
        landed = lake.store.scan(landing_prefix(contract.table.domain, source_of(contract), period))
        archived = [item.key for item in landed if item.storage_class in ARCHIVES]
        yield from lake.store.map(lambda key: archive_state(lake.store, key), archived)


def _objects_of(lake: Lake, contract: Contract, period: Period | None, number: int) -> Iterator[ArchiveState]:
    """Yield the objects of an earlier publication."""
    partitions = [
        part for part in lake.ledger.numbers(contract.table) if period is None or contract.has_in(part, period)
    ]
    histories = lake.store.map(lambda part: lake.ledger.history(contract.table, part), partitions)
    meant = [entry for history in histories for entry in history if entry.seq == number and entry.objects]
    if not meant:
        raise LakeNotFound(
            f"No partition of `{contract.name}` in {period or 'the lake'} has a publication {number} with rows. Nothing was "
            f"requested. See: lakeworks ledger {contract.name}"
        )
    pinned = [item for entry in meant for item in entry.objects]
    states = lake.store.map(lambda item: _state(lake, item.key, item.version_id), pinned)
    for item, state in zip(pinned, states, strict=True):
        if state and state.version_id == item.version_id:  # not the live object at its key, if the version is gone
            yield state


def _state(lake: Lake, key: str, version_id: str | None) -> ArchiveState | None:
    """Return the state of a pinned version, or of the current object at its key; None if both are gone (verify reports it)."""
    for version in dict.fromkeys((version_id, None)):
        try:
            return archive_state(lake.store, key, version)
        except LakeNotFound:
            continue
    return None


def _hours(book: PriceBook, item: ArchiveState, tier: Tier) -> float:
    tiers = book.rules(item.storage_class).tiers if item.storage_class in book.classes else {}
    if tiers and tier not in tiers:
        raise ConfigError(
            f"{item.storage_class} has no {tier} restore (it has {', '.join(tiers)}). Nothing was requested. Add --tier bulk"
        )
    return tiers.get(tier, 0.0)
