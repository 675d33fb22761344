"""`streams:` of lake.yml: Kinesis streams whose records land in the lake."""

from typing import Annotated

from pydantic import Field, StringConstraints

from lakeworks.infrastructure.lifecycle_config import WORD, Part

# The source of a stream's bronze table, as contracts name it: `stream.<name>`.
STREAM_SOURCE = "stream"
KinesisName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,114}$")]

ConsumerName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,128}$")]
DeliveryName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{1,64}$")]
MOST_DELIVERY_NAME = 64
AWS_KEY = "alias/aws/kinesis"
# Firehose writes here what it could not deliver; no run reads it.
DELIVERY_ERRORS = "delivery-errors"


class BatchComparison(Part):
    """A day's sums from another path, and the events that explain why they differ from the live view's."""

    compare_with: str = Field(description="SELECT with the columns day, currency, amount.")
    explain_with: str = Field(
        description="SELECT with the columns day, currency, event_id, amount, reason. Amounts of a day add up to the live "
        "view's sum less the batch's."
    )
    window_days: int = Field(62, ge=0, description="Days before and after the day whose partitions both queries read.")


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
    events_from: str | None = Field(
        None,
        description="SELECT with the columns day, hour, currency, event_id, amount: the published events, which explain.",
    )
    batch: BatchComparison | None = Field(
        None, description="A batch table of the same business, for `stream reconcile`."
    )


class StreamAlarms(Part):
    """Alarms of a stream: records older than `max_lag_minutes`, throttled writes, throttled reads."""

    topic_arn: str | None = Field(None, description="SNS topic to notify; without one, the alarms only show.")


class StreamDelivery(Part):
    """Firehose delivery of every record into the inbox, as JSON Lines with GZIP. At least once: silver drops repetitions."""

    dataset: str = Field(
        pattern=r"^[a-z][a-z0-9_]*$", description="Data set in the inbox; files lie in `inbox/<dataset>/<UTC day>/`."
    )
    role_arn: str = Field(
        pattern=r"^arn:aws[a-z-]*:iam::\d+:role/",
        description="Role that Firehose takes; its policy: `lakeworks policy --for delivery`.",
    )
    name: DeliveryName | None = Field(None, description="Default: `<kinesis_name>-inbox`.")
    buffer_seconds: int = Field(900, ge=60, le=900, description="Age at which a file is written at the latest.")
    buffer_mib: int = Field(64, ge=1, le=128, description="Bytes before compression at which it is written, in MiB.")

    def delivery_name(self, stream_name: str) -> str:
        """Return the name of the delivery stream."""
        return self.name or f"{stream_name}-inbox"


class StreamConfig(Part):
    """One stream, with the DynamoDB tables that its consumer uses."""

    name: str = Field(pattern=WORD, description="Name for commands, and for `source: stream.<name>` in contracts.")
    kinesis_name: KinesisName | None = Field(None, description="Default: `<project>-<environment>-<name>`.")
    domain: str | None = Field(None, description="Domain of the bronze table that it feeds; by default the name.")
    shards: int | None = Field(None, ge=1, le=500, description="Shards of a provisioned stream; on-demand without.")
    retention_hours: int = Field(168, ge=24, le=8760, description="Hours for which Kinesis keeps a record.")
    kms_key_id: str | None = Field(AWS_KEY, description="Key that encrypts the records; null for none.")
    max_lag_minutes: float = Field(
        15,
        gt=2,
        description="Age of a record at which it must have landed; later, the stream is late, and its alarm goes off.",
    )
    alarms: StreamAlarms | None = Field(None, description="CloudWatch alarms on age and throttled requests.")
    live_view: LiveViewConfig | None = Field(None, description="Sums of today in DynamoDB, kept by the consumer.")
    fan_out: tuple[ConsumerName, ...] = Field(
        (), max_length=20, description="Consumers with enhanced fan-out, for `stream run --fan-out`; each costs money."
    )
    delivery: StreamDelivery | None = Field(None, description="Firehose delivery of the records into the inbox.")

    def stream_name(self, project: str, environment: str) -> str:
        """Return the stream's name in Kinesis."""
        return self.kinesis_name or f"{project}-{environment}-{self.name}"


def checkpoint_table(stream_name: str) -> str:
    """Return the DynamoDB table of leases and checkpoints."""
    return f"{stream_name}-checkpoints"


def live_table(stream_name: str) -> str:
    """Return the DynamoDB table of the live view."""
    return f"{stream_name}-live"
