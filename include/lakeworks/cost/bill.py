"""The bill of stored objects: storage, monitoring, requests, transitions, retrieval; by table, class, prefix.

There are two views. The run rate is the cost of the current objects for a full month, with the requests of the last
30 days. A calendar month counts each object by the share of the month in which it existed, as S3 bills byte-hours. It
lacks objects that were deleted since, because no listing has them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lakeworks.core.layout import KeyOwner, owner_of
from lakeworks.cost.lifecycle import StorageLife
from lakeworks.prices import GIB, ObjectVersion, PriceBook, monthly_cost

DIMENSIONS = ("tenant", "layer", "domain", "table", "storage_class", "prefix")


@dataclass(frozen=True)
class BillingPeriod:
    """The period of a bill, UTC, the end exclusive; `whole_month` counts every object for a full month."""

    start: datetime
    end: datetime
    whole_month: bool

    @classmethod
    def run_rate(cls, now: datetime) -> "BillingPeriod":
        """Return the 30 days up to now."""
        return cls(now - timedelta(days=30), now, whole_month=True)

    @classmethod
    def month(cls, year: int, month: int) -> "BillingPeriod":
        """Return a calendar month."""
        start = datetime(year, month, 1, tzinfo=UTC)
        return cls(start, (start + timedelta(days=32)).replace(day=1), whole_month=False)

    def share(self, modified: datetime) -> float:
        """Return the share of the window in which an object written at `modified` existed."""
        if self.whole_month:
            return 1.0 if modified < self.end else 0.0
        seconds = (self.end - max(self.start, modified)).total_seconds()
        return max(seconds, 0.0) / (self.end - self.start).total_seconds()

    def holds(self, moment: datetime) -> bool:
        """Return True if something happened in it."""
        return self.start <= moment < self.end


@dataclass(frozen=True)
class Reads:
    """Reads of a key in the billing period, and the bytes that went out."""

    requests: int
    bytes: int


@dataclass(frozen=True)
class BillLine:
    """One group of objects; money in US dollars."""

    tenant: str
    layer: str
    domain: str
    table: str
    storage_class: str
    objects: int = 0
    bytes: int = 0
    old_version_bytes: int = 0
    storage_usd: float = 0.0
    monitoring_usd: float = 0.0
    tags_usd: float = 0.0
    requests_usd: float = 0.0
    transitions_usd: float = 0.0
    retrieval_usd: float = 0.0
    prefix: str = ""

    @property
    def total_usd(self) -> float:
        """The sum of all costs."""
        kept = self.storage_usd + self.monitoring_usd + self.tags_usd
        return kept + self.requests_usd + self.transitions_usd + self.retrieval_usd


_SUMS = tuple(field.name for field in fields(BillLine) if field.name not in DIMENSIONS)


@dataclass(frozen=True)
class Biller:
    """Calculate the cost of object versions. `lifecycle`, `reads` (from access logs) and `tags` are looked up by key.

    With `depth`, lines are also divided by prefix, of that many folders at most.
    """

    book: PriceBook
    region: str
    window: BillingPeriod
    lifecycle: Callable[[str], StorageLife] = lambda _: StorageLife()
    reads: Mapping[str, Reads] | None = None
    tags: Callable[[str], Mapping[str, str]] = lambda _: {}
    depth: int = 0

    def lines(self, holdings: Iterable[ObjectVersion]) -> list[BillLine]:
        """Return one line for each tenant, layer, domain, table, class and prefix.

        Raises:
            ConfigError: a price is missing, naming class and region.
        """
        lines: dict[tuple[KeyOwner, str, str], BillLine] = {}
        for holding in holdings:
            share = self.window.share(holding.modified)
            if not share:
                continue
            place = owner_of(holding.key)
            prefix = prefix_of(holding.key, self.depth)
            group = (place, holding.storage_class, prefix)
            empty = BillLine(place.tenant, place.area, place.domain, place.table, holding.storage_class, prefix=prefix)
            lines[group] = _add(lines.get(group, empty), self._priced(holding, share))
        return [lines[group] for group in sorted(lines, key=lambda group: (*vars(group[0]).values(), *group[1:]))]

    def _priced(self, holding: ObjectVersion, share: float) -> BillLine:
        price = self.book.price(self.region, holding.storage_class)
        cost = monthly_cost(holding, self.book, self.region)
        seen = (self.reads or {}).get(holding.key, Reads(0, 0)) if holding.current else Reads(0, 0)
        written = 1 if self.window.holds(holding.modified) else 0
        return BillLine(
            "", "", "", "", "", objects=1, bytes=holding.size,
            old_version_bytes=0 if holding.current else holding.size,
            storage_usd=cost.storage * share,
            monitoring_usd=cost.monitoring * share,
            tags_usd=len(self.tags(holding.key)) * self.book.region(self.region).object_tags / 10_000 * share,
            # Objects are written as STANDARD and moved later.
            requests_usd=(written * self.book.price(self.region, "STANDARD").put + seen.requests * price.get) / 1000,
            transitions_usd=self._transitions(holding) if holding.current else 0.0,
            retrieval_usd=seen.bytes / GIB * price.retrieval,
        )  # fmt: skip

    def _transitions(self, holding: ObjectVersion) -> float:
        """Return the cost of the transitions that fell due in the window."""
        phases = self.lifecycle(holding.key).phases(holding.size)[1:]
        due = [phase for phase in phases if self.window.holds(holding.modified + timedelta(days=phase.start))]
        return sum(self.book.price(self.region, phase.storage_class).transition for phase in due) / 1000


def prefix_of(key: str, depth: int) -> str:
    """Return the first `depth` folders of a key with their closing slash; empty for an object in no folder."""
    return "".join(f"{folder}/" for folder in key.split("/")[:-1][:depth])


def grouped(lines: Iterable[BillLine], by: Sequence[str]) -> list[BillLine]:
    """Return lines summed over the dimensions that are not named; those are empty."""
    groups: dict[tuple[str, ...], BillLine] = {}
    for line in lines:
        kept: dict[str, Any] = {name: getattr(line, name) if name in by else "" for name in DIMENSIONS}
        key = tuple(kept.values())
        groups[key] = _add(groups[key], line) if key in groups else replace(line, **kept)
    return [groups[key] for key in sorted(groups)]


def _add(one: BillLine, other: BillLine) -> BillLine:
    return replace(one, **{name: getattr(one, name) + getattr(other, name) for name in _SUMS})
