"""Batches that a stream's consumer landed, one hour of arrival a period: the source of bronze tables fed by a stream.

`stream.commerce` is the stream `commerce` of lake.yml. Nothing is copied: the fetch lists the objects of the hour once every
shard is past its end, and its set names them. What the set names is the hour, whatever runs later.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from lakeworks.core.partition import Period
from lakeworks.errors import ConfigError
from lakeworks.sources import FetchRequest, SourceConnection
from lakeworks.sources.files.file_source import FileStore


class StreamWindows(Protocol):
    """The hours of streams. `lakeworks.streaming.windows` has them in the lake."""

    def closed_batches(self, stream: str, period: Period) -> Mapping[str, str]:
        """Return the keys of an hour's batches by their names.

        Raises:
            NotPublishedYet: a shard may still land records of the hour.
        """


@dataclass(frozen=True)
class LandedStream:
    """Source of a stream's landed batches."""

    windows: StreamWindows

    def collect_files(self, request: FetchRequest, landing: FileStore) -> Mapping[str, str]:
        """See `FileSource.collect_files`."""
        keys = self.windows.closed_batches(request.dataset, request.period)
        landed = landing.adopt_files(keys)
        by_shard: dict[str, int] = {}
        for item in landed:
            shard = "-".join(item.name.split("-")[:-2])
            by_shard[shard] = by_shard.get(shard, 0) + item.rows
        counts = ", ".join(f"{shard}: {rows}" for shard, rows in sorted(by_shard.items()))
        return {"records": str(sum(by_shard.values())), "records_by_shard": counts}


def connect(access: SourceConnection) -> LandedStream:
    """Return the client.

    Raises:
        ConfigError: the caller did not say where the checkpoints are.
    """
    if access.windows is None:
        raise ConfigError(
            "The source `stream` needs a lake's windows (lakeworks.streaming.windows). Nothing was fetched."
        )
    return LandedStream(access.windows)
