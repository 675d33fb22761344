"""Leases and checkpoints in DynamoDB. Every write has a condition: a process that lost its shard changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from lakeworks.errors import LakeNotFound, LeaseLost
from lakeworks.streaming.calls import ask
from lakeworks.streaming.checkpoint import Checkpoint


@dataclass(frozen=True)
class CheckpointTable:
    """The table of one stream's checkpoints."""

    dynamodb: Any
    name: str
    stream: str

    def all(self) -> dict[str, Checkpoint]:
        """Return every shard's checkpoint, read consistently.

        Raises:
            LakeNotFound: the table does not exist.
        """
        checkpoints: dict[str, Checkpoint] = {}
        following: dict[str, Any] = {}
        while True:
            page = self._ask(
                self.dynamodb.query, ["Items"], "read",
                KeyConditionExpression="#stream = :stream", ExpressionAttributeNames={"#stream": "stream"},
                ExpressionAttributeValues={":stream": {"S": self.stream}}, ConsistentRead=True, **following,
            )  # fmt: skip
            checkpoints |= {item["shard"]["S"]: Checkpoint.of(item) for item in page["Items"]}
            if not page.get("LastEvaluatedKey"):
                return checkpoints
            following = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def add(self, shard: str, parents: Sequence[str]) -> None:
        """Add a shard that is not known yet."""
        item = Checkpoint(self.stream, shard, tuple(parents)).item()
        try:
            self._ask(
                self.dynamodb.put_item, [], "add a shard to",
                Item=item, ConditionExpression="attribute_not_exists(#shard)", ExpressionAttributeNames={"#shard": "shard"},
            )  # fmt: skip
        except LeaseLost:
            return  # another process added it

    def claim(self, current: Checkpoint, owner: str) -> Checkpoint:
        """Take a shard over, unless its lease was renewed since it was read.

        Raises:
            LeaseLost: it was.
        """
        return self.save(current, replace(current, owner=owner, lease=current.lease + 1))

    def save(self, known: Checkpoint, new: Checkpoint) -> Checkpoint:
        """Replace a checkpoint by its next state; return that.

        Raises:
            LeaseLost: another process has written it since; nothing was changed.
        """
        try:
            self._ask(
                self.dynamodb.put_item, [], "write",
                Item=new.item(),
                ConditionExpression="#owner = :owner AND #lease = :lease",
                ExpressionAttributeNames={"#owner": "owner", "#lease": "lease"},
                ExpressionAttributeValues={":owner": {"S": known.owner}, ":lease": {"N": str(known.lease)}},
            )  # fmt: skip
        except LeaseLost:
            # The answer to our own write may have been lost, and its repetition was refused.
            if self._read(known) != new:
                raise
        return new

    def _read(self, known: Checkpoint) -> Checkpoint | None:
        answer = self._ask(self.dynamodb.get_item, ["Item"], "read", Key=known.key, ConsistentRead=True)
        return Checkpoint.of(answer["Item"])

    def _ask(self, call: Any, needed: Sequence[str], action: str, **arguments: Any) -> dict[str, Any]:
        try:
            return ask(call, needed, action, f"dynamodb table {self.name}", TableName=self.name, **arguments)
        except LakeNotFound as error:
            raise LakeNotFound(
                f"There is no DynamoDB table `{self.name}` for the checkpoints of `{self.stream}`. Nothing was read or landed. "
                "Declare the stream in `streams:` of lake.yml and run lakeworks bootstrap."
            ) from error
        except Exception as error:
            if isinstance(error.__cause__, ClientError) and _code(error.__cause__) == "ConditionalCheckFailedException":
                raise LeaseLost(
                    f"Another process has taken over a shard of `{self.stream}`; this one changed nothing. It continues with "
                    "its other shards."
                ) from error
            raise


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
