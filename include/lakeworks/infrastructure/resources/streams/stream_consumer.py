"""A consumer of a Kinesis stream with enhanced fan-out."""

from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.infrastructure.aws_partition import LakeLocation
from lakeworks.infrastructure.resource import Document, Resource


@dataclass(frozen=True)
class StreamConsumer(Resource):
    """A registered consumer. Bootstrap never ends one: a process may read by it."""

    kind: ClassVar[str] = "stream consumer"
    service: ClassVar[str] = "kinesis"
    stream: str
    place: LakeLocation

    @property
    def stream_arn(self) -> str:
        """The stream's ARN, which the calls want instead of its name."""
        place = self.place
        return f"arn:{place.partition}:kinesis:{place.region}:{place.account}:stream/{self.stream}"

    def unsupported_reason(self, client: Any) -> str:
        """Return why none is possible: the stream's ARN needs the account, which only STS knows."""
        return "" if self.place.account else "the account's number is not known: this endpoint has no STS"

    def desired(self) -> Document:
        """Return the state; reading back waits for it."""
        return {"Stream": self.stream, "Status": "ACTIVE"}

    def read(self, client: Any) -> Document | None:
        """Return the state as it is."""
        try:
            listed = client.list_stream_consumers(StreamARN=self.stream_arn)["Consumers"]
        except client.exceptions.ResourceNotFoundException:
            return None
        state = next((one["ConsumerStatus"] for one in listed if one["ConsumerName"] == self.name), None)
        return {"Stream": self.stream, "Status": state} if state else None

    def write(self, client: Any, target: Document) -> None:
        """Register it; one that is being made or ended is left alone."""
        if self.read(client) is None:
            client.register_stream_consumer(StreamARN=self.stream_arn, ConsumerName=self.name)
