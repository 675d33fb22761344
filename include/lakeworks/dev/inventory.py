"""Sizes of dev lakes, and what they cost a month."""

from dataclasses import dataclass

from lakeworks.branches.document import DevDocument
from lakeworks.lake import Lake
from lakeworks.prices.book import load_price_book
from lakeworks.settings import Settings


@dataclass(frozen=True)
class DevLakeSize:
    """A dev lake with its current objects and their monthly cost in US dollars."""

    document: DevDocument
    is_over: bool
    objects: int
    bytes: int
    dollars: float


def measured(lake: Lake, document: DevDocument, settings: Settings) -> DevLakeSize:
    """Measure a dev lake: one listing of its prefix."""
    sizes = [item.size for item in lake.store.scan(document.branch.folder)]
    book = load_price_book(settings.price_book)
    dollars = sum(book.stored_per_month(settings.region, "STANDARD", size) for size in sizes)
    return DevLakeSize(document, document.is_over(lake.store.now()), len(sizes), sum(sizes), dollars)
