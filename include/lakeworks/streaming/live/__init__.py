"""Sums of today, kept while records land, and their comparison with the published tables."""
