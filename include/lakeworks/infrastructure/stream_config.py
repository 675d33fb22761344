"""`streams:` of lake.yml: Kinesis streams whose records land in the lake."""

from typing import Annotated

from pydantic import Field, StringConstraints

from lakeworks.infrastructure.lifecycle_config import WORD, Part

KinesisName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,114}$")]


class LiveViewConfig(Part):
    """The fields of an event that the live view counts, and the published rows that it is compared with."""

    event_id: str = Field("event_id", description="Field that names an event.")
    time: str = Field(
        "occurred_at", description="Field with ISO 8601 and offset; its date and hour are the shop's own."
    )
    amount: str = Field("amount", description="Field with the amount, as text or number.")
    currency: str = Field("currency", description="Field with the currency.")
    customer: str = Field("customer_id", description="Field with the customer; may be missing.")
    only: dict[str, tuple[str | int, ...]] = Field({}, description="Values of fields; other events are not counted.")
    compare_with: str = Field(description="SELECT with the columns day, hour, currency, events, amount.")


class StreamConfig(Part):
    """One stream, with the DynamoDB tables that its consumer uses."""

    name: str = Field(pattern=WORD, description="Name for commands, and for `source: stream.<name>` in contracts.")
    kinesis_name: KinesisName | None = Field(None, description="Default: `<project>-<environment>-<name>`.")
    domain: str | None = Field(None, description="Domain of the bronze table that it feeds; by default the name.")
    shards: int | None = Field(None, ge=1, le=500, description="Shards of a provisioned stream; on-demand without.")
    retention_hours: int = Field(168, ge=24, le=8760, description="Hours for which Kinesis keeps a record.")
    kms_key_id: str | None = Field("alias/aws/kinesis", description="Key that encrypts the records; null for none.")
    live_view: LiveViewConfig | None = Field(None, description="Sums of today in DynamoDB, kept by the consumer.")

    def stream_name(self, project: str, environment: str) -> str:
        """Return the stream's name in Kinesis."""
        return self.kinesis_name or f"{project}-{environment}-{self.name}"


def checkpoint_table(stream_name: str) -> str:
    """Return the DynamoDB table of leases and checkpoints."""
    return f"{stream_name}-checkpoints"


def live_table(stream_name: str) -> str:
    """Return the DynamoDB table of the live view."""
    return f"{stream_name}-live"
