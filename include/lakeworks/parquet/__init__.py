"""Parquet files: writing partitions with fixed settings, and scanning them in bounded memory."""
