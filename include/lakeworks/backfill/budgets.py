"""Budgets of vendors: the requests made, those left by the vendor's limits, and the end of a pause."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lakeworks.backfill.request_estimate import client_limits, limits_of
from lakeworks.core.layout import QUOTA
from lakeworks.lake import Lake
from lakeworks.landing.quota import LakeState
from lakeworks.sources.http.limits import Limits, Spent, parsed, shut_until


@dataclass(frozen=True)
class VendorBudget:
    """One vendor's budget at a moment. A limit of None is one that the vendor does not name."""

    source: str
    today: int
    this_month: int
    failures: int
    limits: Limits
    rests_until: datetime | None
    because: str

    @property
    def left_today(self) -> int | None:
        """Requests left today."""
        return None if self.limits.per_day is None else max(self.limits.per_day - self.today, 0)

    @property
    def left_this_month(self) -> int | None:
        """Requests left this month."""
        return None if self.limits.per_month is None else max(self.limits.per_month - self.this_month, 0)

    def as_dict(self) -> dict[str, Any]:
        """Return a row for people and programs."""
        return {
            "source": self.source,
            "today": self.today,
            "left today": self.left_today,
            "this month": self.this_month,
            "left this month": self.left_this_month,
            "failures in a row": self.failures,
            "rests until": f"{self.rests_until:%Y-%m-%d %H:%M:%S} UTC" if self.rests_until else "",
            "because": self.because,
        }


def asked_sources(lake: Lake) -> list[str]:
    """Return the sources that have a document: those that were asked for something."""
    names = (item.key.removeprefix(f"{QUOTA}/") for item in lake.store.scan(f"{QUOTA}/"))
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def budget_of(lake: Lake, source: str, now: datetime, client: Any = None) -> VendorBudget:
    """Return the budget of a source; nothing spent if it was never asked. Its connected client knows its limits best."""
    stored = LakeState(lake.store).read(f"{source}.json")
    spent = parsed(stored[0]) if stored else Spent()
    limits = limits_of(lake, source) if client is None else client_limits(client)
    shut = shut_until(spent, limits, now.timestamp())
    return VendorBudget(
        source=source,
        today=spent.of_day if spent.day == f"{now:%Y-%m-%d}" else 0,
        this_month=spent.of_month if spent.month == f"{now:%Y-%m}" else 0,
        failures=spent.failures,
        limits=limits,
        rests_until=datetime.fromtimestamp(shut[0], UTC) if shut else None,
        because=shut[1] if shut else "",
    )
