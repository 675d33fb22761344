"""Closed hours of a stream: those to which no shard will add a record, and those that a person closes early."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakeworks.core.partition import Period
from lakeworks.errors import ConfigError, LeaseLost, NotPublishedYet, StreamUnavailable
from lakeworks.s3.object_store import ObjectStore
from lakeworks.streaming.checkpoint import Checkpoint
from lakeworks.streaming.checkpoint_table import CheckpointTable
from lakeworks.streaming.landed_batch import batch_prefix
from lakeworks.streaming.stream_place import find_stream

_TURNS, _WAIT_SECONDS = 40, 0.25


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


def close_hour(
    table: CheckpointTable, period: Period, now: datetime, sleep: Callable[[float], None] = time.sleep
) -> int:
    """Close an hour in every shard that is read; return the number of shards.

    The owner of a shard loses its lease by this write, takes the shard again, and reads what it held once more.

    Raises:
        ConfigError: the hour has not begun.
        NotPublishedYet: no consumer ever read the stream.
        StreamUnavailable: a consumer writes its checkpoint all the time, or has not yet taken the shards of a split; run again.
    """
    if period.start > now:
        raise ConfigError(
            f"{period} has not begun; it is {now:%Y-%m-%dT%H:%M} UTC. Nothing was closed. Name the current hour."
        )
    known = table.all().values()
    if not known:
        raise NotPublishedYet(
            f"No consumer ever read stream `{table.stream}`. Nothing was closed. Start one: lakeworks stream run"
        )
    shards = [one.shard for one in known if not one.finished]
    if not shards:
        raise StreamUnavailable(
            f"Every known shard of `{table.stream}` was split or merged and has ended, and no consumer has taken the shards "
            "that follow. Nothing was closed. Start a consumer, and run again."
        )
    for shard in shards:
        _close(table, shard, period.end.isoformat(), sleep)
    return len(shards)


def _close(table: CheckpointTable, shard: str, end: str, sleep: Callable[[float], None]) -> None:
    for _ in range(_TURNS):
        known: Checkpoint = table.all()[shard]
        if known.closed_through >= end:
            return
        if known.window is None:  # else its batch has an hour already, and the owner lands it within moments
            with suppress(LeaseLost):
                table.save(known, known.next_write(closed_through=end))
                return
        sleep(_WAIT_SECONDS)
    raise StreamUnavailable(
        f"Shard {shard} of `{table.stream}` is between two steps of a batch all the time, or its consumer died there. It was "
        "not closed; shards before it were. Start a consumer, and run again."
    )
