"""A Kinesis stream, the DynamoDB tables of its consumer, its delivery, and its alarms."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lakeworks.infrastructure.aws_partition import LakeLocation
from lakeworks.infrastructure.bucket_names import MADE_BY
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.resource import Document, Resource
from lakeworks.infrastructure.resources.alarm_and_budget import StreamAlarm
from lakeworks.infrastructure.resources.streams.delivery_stream import DeliveryStream
from lakeworks.infrastructure.resources.streams.stream_consumer import StreamConsumer
from lakeworks.infrastructure.stream_config import StreamConfig, checkpoint_table, live_table

_MARK = "made-by"
_ON_DEMAND, _PROVISIONED = "ON_DEMAND", "PROVISIONED"
_DELIVERY_SECONDS = 900  # time for a file to be written once its buffer is full
_NEW_HOURS = 24  # retention of a new stream
_WAITING = {"Delay": 2, "MaxAttempts": 90}


@dataclass(frozen=True)
class KinesisStream(Resource):
    """A data stream: its capacity, retention and encryption."""

    kind: ClassVar[str] = "stream"
    service: ClassVar[str] = "kinesis"
    config: StreamConfig = field(default_factory=lambda: StreamConfig(name="stream"))

    def desired(self) -> Document:
        """Return the settings."""
        shards = {"Shards": self.config.shards} if self.config.shards else {}
        return {
            "MadeBy": MADE_BY,
            "Mode": _PROVISIONED if self.config.shards else _ON_DEMAND,
            **shards,
            "RetentionHours": self.config.retention_hours,
            "KmsKeyId": self.config.kms_key_id or "",
        }

    def read(self, client: Any) -> Document | None:
        """Return the settings as they are."""
        try:
            current = client.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]
        except client.exceptions.ResourceNotFoundException:
            return None
        tags = client.list_tags_for_stream(StreamName=self.name)["Tags"]
        mode = current.get("StreamModeDetails", {}).get("StreamMode", _PROVISIONED)
        shards = {"Shards": current["OpenShardCount"]} if mode == _PROVISIONED else {}
        return {
            "MadeBy": next((tag["Value"] for tag in tags if tag["Key"] == _MARK), ""),
            "Mode": mode,
            **shards,
            "RetentionHours": current["RetentionPeriodHours"],
            "KmsKeyId": (current.get("KeyId") or "") if current.get("EncryptionType") == "KMS" else "",
        }

    def conflict(self, current: Document) -> str:
        """Refuse a stream of others, and a shorter retention: it deletes records that no consumer has read."""
        if current["MadeBy"] != MADE_BY:
            return "a stream of this name exists that bootstrap did not make; consumers can read it as it is"
        if current["RetentionHours"] > self.config.retention_hours:
            return (
                f"it keeps records for {current['RetentionHours']} hours, and fewer would delete records at once; shorten it "
                "by hand (aws kinesis decrease-stream-retention-period), or raise `retention_hours`"
            )
        return ""

    def write(self, client: Any, target: Document) -> None:
        """Create it, or change what differs; each change needs an active stream."""
        here = {"StreamName": self.name}
        current = self.read(client)
        if current is None:
            shards = {"ShardCount": target["Shards"]} if "Shards" in target else {}
            client.create_stream(**here, **shards, StreamModeDetails={"StreamMode": target["Mode"]})
            self._await_active(client)
            client.add_tags_to_stream(**here, Tags={_MARK: MADE_BY})
            # not read again: for a while AWS may answer that there is none
            current = {**target, "RetentionHours": _NEW_HOURS, "KmsKeyId": ""}
        if current["Mode"] != target["Mode"]:
            arn = client.describe_stream_summary(**here)["StreamDescriptionSummary"]["StreamARN"]
            client.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": target["Mode"]})
            self._await_active(client)
        if "Shards" in target and current.get("Shards") != target["Shards"]:
            client.update_shard_count(**here, TargetShardCount=target["Shards"], ScalingType="UNIFORM_SCALING")
            self._await_active(client)
        if current["RetentionHours"] < target["RetentionHours"]:
            client.increase_stream_retention_period(**here, RetentionPeriodHours=target["RetentionHours"])
            self._await_active(client)
        self._encrypt(client, current["KmsKeyId"], target["KmsKeyId"])

    def _encrypt(self, client: Any, current: str, desired: str) -> None:
        if current == desired:
            return
        call = client.start_stream_encryption if desired else client.stop_stream_encryption
        call(StreamName=self.name, EncryptionType="KMS", KeyId=desired or current)
        self._await_active(client)

    def _await_active(self, client: Any) -> None:
        client.get_waiter("stream_exists").wait(StreamName=self.name, WaiterConfig=_WAITING)


@dataclass(frozen=True)
class StreamTable(Resource):
    """A DynamoDB table paid by the request. With `expiry`, DynamoDB deletes items after the time in that attribute."""

    kind: ClassVar[str] = "stream table"
    service: ClassVar[str] = "dynamodb"
    keys: tuple[str, str] = ("stream", "shard")
    expiry: str = ""

    def desired(self) -> Document:
        """Return the settings."""
        return {"Keys": list(self.keys), "BillingMode": "PAY_PER_REQUEST", "ExpiresBy": self.expiry}

    def read(self, client: Any) -> Document | None:
        """Return the settings as they are."""
        try:
            current = client.describe_table(TableName=self.name)["Table"]
        except client.exceptions.ResourceNotFoundException:
            return None
        alive = client.describe_time_to_live(TableName=self.name).get("TimeToLiveDescription", {})
        is_on = alive.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
        return {
            "Keys": [key["AttributeName"] for key in current["KeySchema"]],
            "BillingMode": current.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
            "ExpiresBy": alive.get("AttributeName", "") if is_on else "",
        }

    def conflict(self, current: Document) -> str:
        """Refuse a table with other keys: a table's keys cannot change."""
        return "" if current["Keys"] == list(self.keys) else "a table of this name exists that bootstrap did not make"

    def write(self, client: Any, target: Document) -> None:
        """Create it, or set what differs."""
        current = self.read(client)
        if current is None:
            client.create_table(
                TableName=self.name,
                BillingMode=target["BillingMode"],
                KeySchema=[
                    {"AttributeName": n, "KeyType": k} for n, k in zip(self.keys, ("HASH", "RANGE"), strict=True)
                ],
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in self.keys],
                Tags=[{"Key": _MARK, "Value": MADE_BY}],
            )
            client.get_waiter("table_exists").wait(TableName=self.name, WaiterConfig=_WAITING)
            current = {"BillingMode": target["BillingMode"], "ExpiresBy": ""}  # not read again, as above
        if current["BillingMode"] != target["BillingMode"]:
            client.update_table(TableName=self.name, BillingMode=target["BillingMode"])
        if current["ExpiresBy"] != target["ExpiresBy"]:
            expiry = {"AttributeName": self.expiry or current["ExpiresBy"], "Enabled": bool(self.expiry)}
            client.update_time_to_live(TableName=self.name, TimeToLiveSpecification=expiry)


def stream_resources(config: LakeConfig, place: LakeLocation) -> Iterator[Resource]:
    """Yield what bootstrap makes for the streams."""
    for one in config.streams:
        name = one.stream_name(config.project, config.environment)
        yield KinesisStream(name, one)
        yield StreamTable(checkpoint_table(name))
        if one.live_view:
            yield StreamTable(live_table(name), ("view", "entry"), "expires_at")
        yield from (StreamConsumer(consumer, name, place) for consumer in one.fan_out)
        if one.delivery:
            yield DeliveryStream(one.delivery.delivery_name(name), name, place, one.delivery)
        yield from _alarms(name, one)


def _alarms(name: str, one: StreamConfig) -> Iterator[Resource]:
    if one.alarms is None:
        return
    topic = one.alarms.topic_arn
    yield StreamAlarm(
        f"{name}-age",
        name,
        "GetRecords.IteratorAgeMilliseconds",
        "Maximum",
        one.max_lag_minutes * 60_000,
        "breaching",
        topic,
    )
    if one.delivery:
        made = one.delivery.delivery_name(name)
        yield StreamAlarm(
            f"{made}-age",
            made,
            "DeliveryToS3.DataFreshness",
            "Maximum",
            one.delivery.buffer_seconds + _DELIVERY_SECONDS,
            topic_arn=topic,
            namespace="AWS/Firehose",
            dimension="DeliveryStreamName",
        )
    for way, metric in (("writes", "Write"), ("reads", "Read")):
        yield StreamAlarm(f"{name}-throttled-{way}", name, f"{metric}ProvisionedThroughputExceeded", topic_arn=topic)
