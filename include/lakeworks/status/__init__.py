"""The partition matrix: what is published, stale, missing or failed."""
