"""One stored version of an object, as a listing or an inventory reports it, and its monthly cost."""

from dataclasses import dataclass
from datetime import datetime

from lakeworks.prices.book import GIB, PriceBook

# The class whose price an Intelligent-Tiering object has in each tier (S3 pricing).
_TIERS = {
    "FREQUENT": "STANDARD",
    "INFREQUENT": "STANDARD_IA",
    "ARCHIVE_INSTANT_ACCESS": "GLACIER_IR",
    "ARCHIVE": "GLACIER",
    "DEEP_ARCHIVE": "DEEP_ARCHIVE",
}


@dataclass(frozen=True)
class ObjectVersion:
    """A version of an object; `tier` is known from an inventory only, and for Intelligent-Tiering only."""

    key: str
    size: int
    storage_class: str
    modified: datetime
    current: bool = True
    tier: str = ""

    def in_class(self, storage_class: str) -> "ObjectVersion":
        """Return the same version in another class."""
        return ObjectVersion(self.key, self.size, storage_class, self.modified, self.current)


@dataclass(frozen=True)
class MonthlyCost:
    """US dollars per month for storage."""

    storage: float
    monitoring: float


def monthly_cost(holding: ObjectVersion, book: PriceBook, region: str) -> MonthlyCost:
    """Return a version's monthly cost. `storage` includes minimum size and archive overhead, not Intelligent-Tiering's fee.

    Raises:
        ConfigError: the book has no price for the class in the region.
    """
    standard = book.stored_per_month(region, holding.storage_class, holding.size)
    rules = book.rules(holding.storage_class)
    watched = rules.monitored_above_bytes is not None and holding.size >= rules.monitored_above_bytes
    fee = book.region(region).monitoring / 1000 if watched else 0.0
    if watched and holding.tier in _TIERS:
        return MonthlyCost(holding.size * book.price(region, _TIERS[holding.tier]).storage / GIB, fee)
    return MonthlyCost(standard - fee, fee)
