"""Lag of a stream: the time up to which everything has landed, and Kinesis's own figure, from the checkpoints."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakeworks.errors import TerminalError
from lakeworks.streaming.checkpoint import Checkpoint
from lakeworks.streaming.checkpoint_table import CheckpointTable
from lakeworks.streaming.stream_place import StreamPlace


@dataclass(frozen=True)
class StreamLag:
    """One stream's lag. A consumer that died reports no lag any more, but `closed_through` stays where it was."""

    name: str
    shards: int = 0
    closed_through: datetime | None = None  # None: a shard was never read
    behind_seconds: float = 0.0  # the largest MillisBehindLatest that a consumer noted
    slowest: str = ""  # shard and owner of `closed_through`
    fault: str = ""  # why it is not known


def lag_of(name: str, checkpoints: Mapping[str, Checkpoint]) -> StreamLag:
    """Return the lag of a stream by its checkpoints. A shard that was split does not count once it has landed."""
    active = [_with_parents(one, checkpoints) for one in checkpoints.values() if not one.finished]
    if not active:
        return StreamLag(name, len(checkpoints))
    slowest = min(active, key=lambda one: one.closed_through)
    return StreamLag(
        name,
        len(active),
        datetime.fromisoformat(slowest.closed_through) if slowest.closed_through else None,
        max(one.behind_ms for one in active) / 1000,
        f"{slowest.shard}, owned by {slowest.owner or 'no process'}",
    )


def stream_lags(dynamodb: Any, places: Iterable[StreamPlace]) -> list[StreamLag]:
    """Return the lag of each stream. One that cannot be read has a `fault`; the others still follow."""
    lags = []
    for place in places:
        try:
            lags.append(lag_of(place.name, CheckpointTable(dynamodb, place.checkpoints, place.kinesis_name).all()))
        except TerminalError as error:
            lags.append(StreamLag(place.name, fault=str(error)))
    return lags


def _with_parents(one: Checkpoint, checkpoints: Mapping[str, Checkpoint]) -> Checkpoint:
    """Return a shard's checkpoint; of a child that was not begun, that of its parent, for which it waits."""
    parents = [checkpoints[name] for name in one.parents if name in checkpoints]
    if one.closed_through or not parents:
        return one
    return min(parents, key=lambda parent: parent.closed_through)
