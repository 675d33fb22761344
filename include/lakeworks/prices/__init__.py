"""S3's prices: dated price books, and the arithmetic of moving objects between storage classes."""

from lakeworks.prices.book import GIB, ClassPrices, PriceBook, RegionPrices, StorageClass, load_price_book
from lakeworks.prices.stored_version import MonthlyCost, ObjectVersion, monthly_cost
from lakeworks.prices.tiering import SMALLEST_MOVED, Move, Objects, TieringVerdict, judge

__all__ = [
    "GIB",
    "SMALLEST_MOVED",
    "ClassPrices",
    "MonthlyCost",
    "Move",
    "ObjectVersion",
    "Objects",
    "PriceBook",
    "RegionPrices",
    "StorageClass",
    "TieringVerdict",
    "judge",
    "load_price_book",
    "monthly_cost",
]  # fmt: skip
