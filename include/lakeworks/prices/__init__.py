"""What S3 charges: dated price books, and the arithmetic of moving objects between storage classes."""

from lakeworks.prices.book import GIB, ClassPrices, PriceBook, RegionPrices, StorageClass, load_price_book

__all__ = ["GIB", "ClassPrices", "PriceBook", "RegionPrices", "StorageClass", "load_price_book"]
