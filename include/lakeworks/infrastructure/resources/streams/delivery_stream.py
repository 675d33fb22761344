"""A Firehose delivery stream: it writes a Kinesis stream's records into the inbox, as files of many records."""

from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.core.layout import INBOX
from lakeworks.infrastructure.aws_partition import LakeLocation
from lakeworks.infrastructure.bucket_names import MADE_BY
from lakeworks.infrastructure.resource import Document, Resource
from lakeworks.infrastructure.stream_config import DELIVERY_ERRORS, StreamDelivery

_MARK = "made-by"
_ACTIVE, _FROM_KINESIS = "ACTIVE", "KinesisStreamAsSource"
_DELIMITER = {
    "Type": "AppendDelimiterToRecord",
    "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}],
}


@dataclass(frozen=True)
class DeliveryStream(Resource):
    """The delivery of one stream. Days of its folders are UTC days of arrival: a file of the inbox belongs to a day."""

    kind: ClassVar[str] = "delivery stream"
    service: ClassVar[str] = "firehose"
    stream: str
    place: LakeLocation
    config: StreamDelivery

    def unsupported_reason(self, client: Any) -> str:
        """Return why no delivery is possible: the stream's ARN needs the account, which only STS knows."""
        return "" if self.place.account else "the account's number is not known: this endpoint has no STS"

    def desired(self) -> Document:
        """Return the settings. Firehose works once it is active; reading back waits for that."""
        place = self.place
        return {
            "MadeBy": MADE_BY,
            "Status": _ACTIVE,
            "Source": f"arn:{place.partition}:kinesis:{place.region}:{place.account}:stream/{self.stream}",
            "SourceRole": self.config.role_arn,
            "Destination": {
                "RoleARN": self.config.role_arn,
                "BucketARN": f"arn:{place.partition}:s3:::{place.bucket}",
                "Prefix": f"{INBOX}/{self.config.dataset}/!{{timestamp:yyyy-MM-dd}}/",
                "ErrorOutputPrefix": f"{DELIVERY_ERRORS}/{self.config.dataset}/!{{firehose:error-output-type}}/"
                "!{timestamp:yyyy-MM-dd}/",
                "FileExtension": ".jsonl.gz",
                "CompressionFormat": "GZIP",
                "BufferingHints": {
                    "SizeInMBs": self.config.buffer_mib,
                    "IntervalInSeconds": self.config.buffer_seconds,
                },
                "ProcessingConfiguration": {"Enabled": True, "Processors": [_DELIMITER]},
            },
        }

    def read(self, client: Any) -> Document | None:
        """Return the settings as they are; of the destination those that `desired` has."""
        found = self._described(client)
        if found is None:
            return None
        tags = client.list_tags_for_delivery_stream(DeliveryStreamName=self.name)["Tags"]
        source = found.get("Source", {}).get("KinesisStreamSourceDescription", {})
        kept = found["Destinations"][0].get("ExtendedS3DestinationDescription", {})
        return {
            "MadeBy": next((tag.get("Value", "") for tag in tags if tag["Key"] == _MARK), ""),
            "Status": found["DeliveryStreamStatus"],
            "Source": source.get("KinesisStreamARN", ""),
            "SourceRole": source.get("RoleARN", ""),
            "Destination": {name: kept[name] for name in self.desired()["Destination"] if name in kept},
        }

    def conflict(self, current: Document) -> str:
        """Refuse a delivery of others, of another source, and one that could not be created: a source cannot change."""
        if current["MadeBy"] != MADE_BY:
            return "a delivery stream of this name exists that bootstrap did not make; give `delivery` another `name`"
        if current["Status"].endswith("_FAILED"):
            return (
                f"it is in state {current['Status']}: its role cannot read the stream or use a key. Correct the role "
                "(`lakeworks policy --for delivery`), delete the delivery stream by hand, and run bootstrap again"
            )
        wish = self.desired()
        if (current["Source"], current["SourceRole"]) != (wish["Source"], wish["SourceRole"]):
            return (
                f"it reads `{current['Source']}` as `{current['SourceRole']}`, and Firehose cannot change that. Delete it by "
                "hand, or give `delivery` another `name`: then both deliver, and silver drops the repetitions"
            )
        return ""

    def write(self, client: Any, target: Document) -> None:
        """Create it, or correct its destination."""
        found = self._described(client)
        if found is None:
            client.create_delivery_stream(
                DeliveryStreamName=self.name,
                DeliveryStreamType=_FROM_KINESIS,
                KinesisStreamSourceConfiguration={
                    "KinesisStreamARN": target["Source"], "RoleARN": target["SourceRole"]
                },
                ExtendedS3DestinationConfiguration=target["Destination"],
                Tags=[{"Key": _MARK, "Value": MADE_BY}],
            )  # fmt: skip
            return
        client.update_destination(
            DeliveryStreamName=self.name,
            CurrentDeliveryStreamVersionId=found["VersionId"],
            DestinationId=found["Destinations"][0]["DestinationId"],
            ExtendedS3DestinationUpdate=target["Destination"],
        )

    def _described(self, client: Any) -> Document | None:
        try:
            found: Document = client.describe_delivery_stream(DeliveryStreamName=self.name)["DeliveryStreamDescription"]
        except client.exceptions.ResourceNotFoundException:
            return None
        return found
