"""Closed hours of a stream: those to which no shard will add a record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lakeworks.core.partition import Period
from lakeworks.errors import NotPublishedYet
from lakeworks.s3.object_store import ObjectStore
from lakeworks.streaming.checkpoint_table import CheckpointTable
from lakeworks.streaming.landed_batch import batch_prefix
from lakeworks.streaming.stream_place import find_stream


@dataclass(frozen=True)
class LandedWindows:
    """Implements `lakeworks.sources.files.stream.StreamWindows`."""

    store: ObjectStore
    dynamodb: Callable[[], Any]

    def closed_batches(self, stream: str, period: Period) -> Mapping[str, str]:
        """See `StreamWindows`. A shard that was split is past every hour once it has landed; its children are known by then."""
        place = find_stream(stream)
        known = CheckpointTable(self.dynamodb(), place.checkpoints, place.kinesis_name).all()
        if not known:
            raise NotPublishedYet(
                f"No consumer ever read stream `{stream}` ({place.kinesis_name}). Nothing was landed for {period}; the run "
                f"looks again later. Start one: lakeworks stream run {stream}"
            )
        end = period.end.isoformat()
        behind = [one for one in known.values() if not one.finished and one.closed_through < end]
        if behind:
            slowest = min(behind, key=lambda one: one.closed_through)
            raise NotPublishedYet(
                f"{len(behind)} of {len(known)} shards of stream `{stream}` are not past {period}. {slowest.shard} is closed "
                f"up to {slowest.closed_through or 'nothing yet'}, owned by {slowest.owner or 'no process'}. Nothing was "
                f"taken; the run looks again later. See: lakeworks stream status {stream}"
            )
        prefix = batch_prefix(place, period)
        return {item.key.removeprefix(prefix): item.key for item in self.store.scan(prefix)}
