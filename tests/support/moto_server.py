"""moto's server, corrected in four places.

What is asked of an upload that is over is refused as S3 refuses it (moto 5.2 answers 500). A copy of an object that was uploaded in
parts has a checksum of its own, as S3 computes one (moto keeps the sum of the parts' sums, which no client can confirm).
A Kinesis shard that was split or merged takes no more records, and reading it ends (moto keeps filling it, it
never ends, and its records move to its children).
Calls of DynamoDB, and calls that change a stream, happen one after the other (moto's refused transaction restores a copy of the whole
table, and its reshard one of the stream, and so forgets what others wrote meanwhile).
"""

import sys
from collections.abc import Callable
from copy import copy
from threading import RLock
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.kinesis.models import KinesisBackend
from moto.kinesis.models import Stream as KinesisStream
from moto.kinesis.utils import decompose_shard_iterator
from moto.s3.exceptions import NoSuchUpload
from moto.s3.models import S3Backend
from moto.server import main

_STREAM_CALLS = ("put_record", "put_records", "split_shard", "merge_shards", "get_records")
_TABLE_CALLS = ("transact_write_items", "put_item", "update_item", "delete_item", "query", "get_item")
_LOCK = RLock()


def _one_by_one(act: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operation that waits until no other one is under way."""

    def acting(self: Any, *arguments: Any, **more: Any) -> Any:
        with _LOCK:
            return act(self, *arguments, **more)

    return acting


def _refusing(act: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operation on an upload that refuses one that was completed or aborted."""

    def refusing(self: S3Backend, bucket: str, upload: str, *rest: Any) -> Any:
        if upload not in self.get_bucket(bucket).multiparts:
            raise NoSuchUpload(upload_id=upload)
        return act(self, bucket, upload, *rest)

    return refusing


def _with_own_checksum(copy: Callable[..., Any]) -> Callable[..., Any]:
    """Return a copy operation after which the new object has no checksum that was made of parts."""

    def copying(self: S3Backend, source: Any, bucket: str, key: str, *rest: Any, **more: Any) -> Any:
        answer = copy(self, source, bucket, key, *rest, **more)
        if source.multipart is not None:
            made = self.get_bucket(bucket).keys[key]
            made.checksum_algorithm = made.checksum_value = None
        return answer

    return copying


def _open_only(choose: Callable[..., Any]) -> Callable[..., Any]:
    """Return a choice of the shard for a key among the open ones."""

    def choosing(self: KinesisStream, *arguments: Any) -> Any:
        view = copy(self)
        view.shards = type(self.shards)((name, shard) for name, shard in self.shards.items() if shard.is_open)
        return choose(view, *arguments)

    return choosing


def _without_moving(change: Callable[..., None]) -> Callable[..., None]:
    """Return a split or merge that leaves every record in its shard."""

    def changing(self: KinesisStream, *arguments: Any) -> None:
        before = {name: shard.records.copy() for name, shard in self.shards.items()}
        change(self, *arguments)
        for name, shard in self.shards.items():
            shard.records = before.get(name, type(shard.records)())

    return changing


def _ending(read: Callable[..., Any]) -> Callable[..., Any]:
    """Return a read that gives no next iterator at the end of a closed shard."""

    def reading(self: KinesisBackend, stream_arn: str | None, shard_iterator: str, limit: int | None) -> Any:
        following, records, behind = read(self, stream_arn, shard_iterator, limit)
        name, shard_id, _ = decompose_shard_iterator(shard_iterator)
        shard = self.describe_stream(stream_arn=stream_arn, stream_name=name).get_shard(shard_id)
        last = records[-1].sequence_number if records else int(decompose_shard_iterator(following)[2])
        over = not shard.is_open and last >= shard.get_max_sequence_number()
        return (None if over else following), records, behind

    return reading


if __name__ == "__main__":
    for operation in ("upload_part", "complete_multipart_upload"):
        setattr(S3Backend, operation, _refusing(getattr(S3Backend, operation)))
    S3Backend.copy_object = _with_own_checksum(S3Backend.copy_object)  # type: ignore[method-assign]
    KinesisStream.get_shard_for_key = _open_only(KinesisStream.get_shard_for_key)  # type: ignore[method-assign]
    KinesisStream.split_shard = _without_moving(KinesisStream.split_shard)  # type: ignore[method-assign]
    KinesisStream.merge_shards = _without_moving(KinesisStream.merge_shards)  # type: ignore[method-assign]
    KinesisBackend.get_records = _ending(KinesisBackend.get_records)  # type: ignore[method-assign]
    for operation in _STREAM_CALLS:
        setattr(KinesisBackend, operation, _one_by_one(getattr(KinesisBackend, operation)))
    for operation in _TABLE_CALLS:
        setattr(DynamoDBBackend, operation, _one_by_one(getattr(DynamoDBBackend, operation)))
    main(sys.argv[1:])
