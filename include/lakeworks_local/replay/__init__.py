"""The source replay server: the vendors' real addresses and answers over HTTP, from sample data, with injectable faults."""

from lakeworks_local.replay.server import start_replay

__all__ = ["start_replay"]
