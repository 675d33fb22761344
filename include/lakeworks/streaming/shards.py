"""The shards of a stream: those that Kinesis lists, each with a checkpoint, and their readers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakeworks.streaming.calls import ask
from lakeworks.streaming.checkpoint import Checkpoint
from lakeworks.streaming.checkpoint_table import CheckpointTable
from lakeworks.streaming.fan_out.fan_out_reader import FanOutReader
from lakeworks.streaming.shard_reader import RecordReader, ShardReader, system_clock


@dataclass(frozen=True)
class StreamShards:
    """A stream's shards in Kinesis and in its checkpoint table."""

    kinesis: Any
    stream: str
    table: CheckpointTable
    now: Callable[[], datetime] = system_clock
    consumer_arn: str | None = None

    def register(self) -> None:
        """Add a checkpoint for every shard that has none.

        Raises:
            LakeNotFound: there is no such stream, or no checkpoint table.
        """
        known = self.table.all()
        for shard in self._listed():
            if shard["ShardId"] not in known:
                parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
                self.table.add(shard["ShardId"], [parent for parent in parents if parent])

    def reader(self, checkpoint: Checkpoint) -> RecordReader:
        """Return a reader that goes on after a checkpoint; with a registered consumer, one that Kinesis pushes to."""
        if self.consumer_arn:
            return FanOutReader(
                self.kinesis, self.stream, checkpoint.shard, checkpoint.position, self.consumer_arn, self.now
            )
        return ShardReader(self.kinesis, self.stream, checkpoint.shard, checkpoint.position, self.now)

    def _listed(self) -> list[dict[str, Any]]:
        shards: list[dict[str, Any]] = []
        following: dict[str, Any] = {"StreamName": self.stream}
        while True:
            page = ask(self.kinesis.list_shards, ["Shards"], "list the shards of", self.stream, **following)
            shards += page["Shards"]
            if not page.get("NextToken"):
                return shards
            following = {"NextToken": page["NextToken"]}
