"""Resharding of a test's stream."""

from tests.lakeworks.streaming.conftest import Shop


def split(here: Shop) -> None:
    """Split the first open shard in the middle."""
    shard = next(one for one in here.stream.shards() if one["ShardId"] not in closed(here))
    low, high = (int(shard["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey"))
    here.stream.kinesis.split_shard(
        StreamName=here.stream.name, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((low + high) // 2)
    )


def merge(here: Shop) -> None:
    """Merge the two open shards with the lowest keys."""
    shards = [one for one in here.stream.shards() if one["ShardId"] not in closed(here)]
    ordered = sorted(shards, key=lambda one: int(one["HashKeyRange"]["StartingHashKey"]))
    here.stream.kinesis.merge_shards(
        StreamName=here.stream.name, ShardToMerge=ordered[0]["ShardId"], AdjacentShardToMerge=ordered[1]["ShardId"]
    )


def closed(here: Shop) -> set[str]:
    """Return the shards that were split or merged."""
    return {one["ShardId"] for one in here.stream.shards() if "EndingSequenceNumber" in one["SequenceNumberRange"]}
