"""The cheapest storage class for a table's data, given its reads; with the arithmetic shown.

Only classes with immediate access are compared. An archive class blocks a backfill, so it is a decision of retention,
not only of cost alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from lakeworks.core.layout import owner_of
from lakeworks.cost.access_log import LoggedAccess
from lakeworks.cost.bill import BillingPeriod, Reads
from lakeworks.prices import GIB, ObjectVersion, PriceBook, monthly_cost

INSTANT = ("STANDARD", "INTELLIGENT_TIERING", "STANDARD_IA", "GLACIER_IR")
_WORTH_IT = 0.05  # a saving below 5 % is within the noise of one window


@dataclass(frozen=True)
class Advice:
    """One table's data of one age band: its use, and the monthly cost in each class, reads included."""

    tenant: str
    table: str
    age: str
    storage_class: str
    objects: int
    bytes: int
    last_access: datetime | None
    reads: int
    bytes_read: int
    usd_now: float
    suggested: str
    usd_suggested: float
    one_time_usd: float
    why: str

    @property
    def saving_usd(self) -> float:
        """US dollars a month."""
        return self.usd_now - self.usd_suggested


def reads_of(accesses: Iterable[LoggedAccess], window: BillingPeriod) -> tuple[dict[str, Reads], dict[str, datetime]]:
    """Return reads by key within the window, and the last read of each key."""
    reads: dict[str, Reads] = {}
    last: dict[str, datetime] = {}
    for access in accesses:
        if not access.is_read or not window.holds(access.at):
            continue
        seen = reads.get(access.key, Reads(0, 0))
        reads[access.key] = Reads(seen.requests + 1, seen.bytes + access.bytes_sent)
        last[access.key] = max(access.at, last.get(access.key, access.at))
    return reads, last


def advise(
    holdings: Iterable[ObjectVersion], reads: Mapping[str, Reads], last: Mapping[str, datetime], *,
    window: BillingPeriod, book: PriceBook, region: str,
) -> list[Advice]:  # fmt: skip
    """Return advice per tenant, table, class and age band (30, 90, 365 days, older); the largest saving first."""
    groups: dict[tuple[str, str, str, str], list[ObjectVersion]] = {}
    for holding in holdings:
        place = owner_of(holding.key)
        if holding.current and place.table and not book.rules(holding.storage_class).archived:
            group = (place.tenant, place.table, _band((window.end - holding.modified).days), holding.storage_class)
            groups.setdefault(group, []).append(holding)
    costs = _Costs(book, region, reads, window)
    advice = [_advice(group, items, costs, last) for group, items in groups.items()]
    return sorted(advice, key=lambda item: (-item.saving_usd, item.table, item.age))


@dataclass(frozen=True)
class _Costs:
    book: PriceBook
    region: str
    reads: Mapping[str, Reads]
    window: BillingPeriod

    def monthly(self, items: Iterable[ObjectVersion], storage_class: str) -> float:
        """Return storage, fees and reads, scaled to a month of 30 days."""
        scale = 30 / ((self.window.end - self.window.start).total_seconds() / 86400)
        price = self.book.price(self.region, storage_class)
        total = 0.0
        for item in items:
            cost = monthly_cost(item.in_class(storage_class), self.book, self.region)
            seen = self.reads.get(item.key, Reads(0, 0))
            used = seen.requests * price.get / 1000 + seen.bytes / GIB * price.retrieval
            total += cost.storage + cost.monitoring + used * scale
        return total

    def move(self, items: list[ObjectVersion], storage_class: str) -> float:
        """Return the cost of transition requests, and of the rest of the old class's minimum duration."""
        left = self.book.rules(items[0].storage_class)
        total = len(items) * self.book.price(self.region, storage_class).transition / 1000
        for item in items:
            days = max(left.minimum_days - (self.window.end - item.modified).days, 0)
            total += monthly_cost(item, self.book, self.region).storage * days / 30
        return total


def _advice(
    group: tuple[str, str, str, str], items: list[ObjectVersion], costs: _Costs, last: Mapping[str, datetime]
) -> Advice:
    tenant, table, age, now_in = group
    by_class = {name: costs.monthly(items, name) for name in {*INSTANT, now_in}}
    now = by_class[now_in]
    best = min(by_class, key=lambda name: (by_class[name], name != now_in))
    if now - by_class[best] <= _WORTH_IT * now:
        best = now_in
    reads = [costs.reads.get(item.key, Reads(0, 0)) for item in items]
    one_time = costs.move(items, best) if best != now_in else 0.0
    advice = Advice(
        tenant, table, age, now_in, len(items), sum(item.size for item in items),
        max((last[item.key] for item in items if item.key in last), default=None),
        sum(seen.requests for seen in reads), sum(seen.bytes for seen in reads),
        now, best, by_class[best], one_time, "",
    )  # fmt: skip
    return replace(advice, why=_why(advice, by_class))


def _why(advice: Advice, by_class: Mapping[str, float]) -> str:
    compared = ", ".join(f"{name} {usd:.4f}" for name, usd in sorted(by_class.items(), key=lambda item: item[1]))
    if advice.suggested == advice.storage_class:
        return f"cheapest as it is ($/month: {compared})"
    months = advice.one_time_usd / advice.saving_usd
    return f"$/month: {compared}; moving costs {advice.one_time_usd:.4f} once, back in {months:.1f} months"


_BANDS: tuple[tuple[int, str], ...] = ((30, "0-30 d"), (90, "31-90 d"), (365, "91-365 d"))


def _band(days: int) -> str:
    return next((name for limit, name in _BANDS if days <= limit), "over 365 d")
