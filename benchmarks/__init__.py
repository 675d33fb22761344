"""Lakeworks against its peers: the same task, the same endpoint, interleaved runs, one process each (README.md)."""
