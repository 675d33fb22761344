"""What S3 charges: dated price books, and the arithmetic of moving objects between storage classes."""

from lakeworks.prices.book import GIB, ClassPrices, PriceBook, RegionPrices, StorageClass, load_price_book
from lakeworks.prices.holding import Holding, MonthlyCost, monthly_cost

__all__ = [
    "GIB",
    "ClassPrices",
    "Holding",
    "MonthlyCost",
    "PriceBook",
    "RegionPrices",
    "StorageClass",
    "load_price_book",
    "monthly_cost",
]
