"""`lake.yml`: the infrastructure of a lake. Every field has a default. An unknown field is an error that names it.

docs/lake-yml.md explains each field; `lake.example.yml` shows every one.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from lakeworks.contract.object_tags import TagName
from lakeworks.core.layout import is_written_by_lake
from lakeworks.core.yaml_document import explained_file, read_yaml
from lakeworks.errors import ConfigError
from lakeworks.infrastructure.bucket_names import bucket_name, check_bucket_name
from lakeworks.infrastructure.inbox_events import InboxEvents
from lakeworks.infrastructure.lake_formation.config import Grant, LakeFormation
from lakeworks.infrastructure.lifecycle_config import WORD, Lifecycle, Part
from lakeworks.infrastructure.readers.delivery import CloudFront
from lakeworks.infrastructure.readers.work_groups import Athena, tenant_groups
from lakeworks.infrastructure.reports.config import PrefixAnalysis, PrefixMetrics, ids_are_unique
from lakeworks.infrastructure.spark.config import SparkConfig
from lakeworks.infrastructure.stream_config import MOST_DELIVERY_NAME, StreamConfig
from lakeworks.project import current_project

_ARN = r"^arn:aws[a-z-]*:"
Arn = Annotated[str, Field(pattern=_ARN)]


class Owner(Part):
    """The owner of the lake; written to the bucket's manifest."""

    name: str = ""
    role: str = ""
    email: str = ""


class Encryption(Part):
    """Default encryption of every bucket: KMS with a bucket key if a key is named, else SSE-S3."""

    kms_key_id: str | None = None


class BucketAccess(Part):
    """Least-privilege statements of the bucket policy, by IAM role or user ARN."""

    readers: tuple[Arn, ...] = Field((), description="IAM principals that may only list and read live tables.")
    writers: tuple[Arn, ...] = Field((), description="IAM principals that may also write, delete and see every prefix.")


class Logging(Part):
    """S3 server access logs, in a separate bucket."""

    bucket: str | None = Field(
        None, description="Name of the bucket; default: made from project, environment and `unique`."
    )
    prefix: str = "access-logs/"
    expire_after_days: int = Field(90, ge=1)


class Tiering(Part):
    """Archive tiers of Intelligent-Tiering, for objects in that class. Restore an archived object before a read."""

    id: str = Field("default-tiering", pattern=WORD)
    prefix: str = ""
    archive_access_after_days: int | None = Field(90, ge=90, le=730)
    deep_archive_access_after_days: int | None = Field(180, ge=180, le=730)


class Inventory(Part):
    """A list of all objects that S3 writes by itself; the cost report reads it instead of listing."""

    frequency: Literal["Daily", "Weekly"] = "Weekly"
    prefix: str = "_inventory"
    expire_after_days: int = Field(90, ge=1, description="Days for which a list in the lake's own bucket is kept.")


class Notification(Part):
    """The receiver of events of new objects: an SQS queue, SNS topic or Lambda function, by ARN."""

    id: str = Field(pattern=WORD)
    to: str = Field(pattern=r"^arn:aws[a-z-]*:(sqs|sns|lambda):")
    events: tuple[str, ...] = ("s3:ObjectCreated:*",)
    prefix: str = ""
    suffix: str = ""


class Replication(Part):
    """Copies of new objects in another region; the role must exist and let S3 replicate."""

    region: str
    role_arn: Arn
    bucket: str | None = Field(
        None, description="Name of the bucket; default: made from project, environment and `unique`."
    )
    storage_class: Literal["STANDARD", "STANDARD_IA", "GLACIER_IR"] = "STANDARD_IA"
    kms_key_id: str | None = Field(None, description="KMS key of that region; without it, KMS objects are not copied.")
    prefix: str = ""


class Crawler(Part):
    """A Glue crawler, for data that no contract describes; never point one at a lakeworks table."""

    name: str = Field(pattern=WORD)
    role_arn: Arn
    database: str
    prefix: str
    schedule: str | None = Field(None, pattern=r"^cron\(.*\)$")

    @field_validator("prefix")
    @classmethod
    def _is_foreign(cls, prefix: str) -> str:
        if is_written_by_lake(prefix):
            raise ValueError(
                "lakeworks writes there, and a crawler would replace the contracts' types by guesses. Name a folder "
                "that lakeworks does not write, with its closing slash"
            )
        return prefix


class Alarm(Part):
    """A CloudWatch alarm on the bytes in STANDARD, for each bucket that holds layers."""

    above_bytes: int = Field(10**12, ge=1)
    topic_arn: Arn | None = None


class Budget(Part):
    """A monthly budget of the account, or of resources with our `project` tag."""

    monthly_usd: float = Field(gt=0)
    alert_at_percent: float = Field(80, gt=0, le=1000)
    emails: tuple[str, ...] = Field(min_length=1, max_length=10)
    tagged_only: bool = False


class LakeConfig(Part):
    """The whole file."""

    project: str = Field("lakeworks", pattern=WORD)
    environment: str = Field("dev", pattern=WORD)
    unique: str | None = Field(
        None, pattern=WORD, description="Last part of generated names; default: the account's number."
    )
    owner: Owner = Owner()
    tags: dict[str, str] = Field(default_factory=dict)
    layer_buckets: dict[Literal["landing", "bronze", "silver", "gold", "reference"], str | None] = Field(
        default_factory=dict
    )
    encryption: Encryption = Encryption()
    access: BucketAccess = BucketAccess()
    logging: Logging | None = None
    lifecycle: Lifecycle = Lifecycle()
    intelligent_tiering: tuple[Tiering, ...] = ()
    inventory: Inventory | None = None
    request_metrics: tuple[PrefixMetrics, ...] = ()
    storage_class_analysis: tuple[PrefixAnalysis, ...] = ()
    notifications: tuple[Notification, ...] = ()
    eventbridge: bool = False
    inbox_events: InboxEvents | None = None
    object_tags: tuple[TagName, ...] = ()
    streams: tuple[StreamConfig, ...] = ()
    replication: Replication | None = None
    athena: Athena | None = Athena()
    cloudfront: CloudFront | None = None
    spark: SparkConfig | None = None
    lake_formation: LakeFormation | None = None
    grants: tuple[Grant, ...] = ()
    crawlers: tuple[Crawler, ...] = ()
    alarm: Alarm | None = None
    budget: Budget | None = None

    @model_validator(mode="after")
    def _name_buckets(self) -> "LakeConfig":
        """Require `unique` in the file for generated names: runs use these names without asking AWS."""
        if None in self.layer_buckets.values() and not self.unique:
            raise ValueError("layer_buckets without names need `unique`")
        for field, given in (
            *((f"layer_buckets.{layer}", name) for layer, name in self.layer_buckets.items()),
            ("logging.bucket", self.logging.bucket if self.logging else None),
            ("replication.bucket", self.replication.bucket if self.replication else None),
        ):
            if given:
                check_bucket_name(given, f"{field} in lake.yml")
        ids_are_unique("request_metrics", self.request_metrics)
        ids_are_unique("storage_class_analysis", self.storage_class_analysis)
        streams = [one.name for one in self.streams]
        if len(set(streams)) != len(streams):
            raise ValueError("two streams have one name in streams")
        for made in self.deliveries:
            if len(made) > MOST_DELIVERY_NAME:
                raise ValueError(
                    f"the delivery would be named `{made}`; Firehose takes {MOST_DELIVERY_NAME} characters: give it a `name`"
                )
        names = list(self.bucket_of_layer.values())
        if len(set(names)) != len(names):
            raise ValueError("two layers have one bucket in layer_buckets")
        return self

    @property
    def deliveries(self) -> list[str]:
        """Return the names of the streams' deliveries."""
        named = [(one.delivery, one.stream_name(self.project, self.environment)) for one in self.streams]
        return [one.delivery_name(stream) for one, stream in named if one]

    @property
    def bucket_of_layer(self) -> dict[str, str]:
        """The layers with a bucket of their own, made names included."""
        return {
            layer: name or bucket_name(self.project, self.environment, layer, self.unique)
            for layer, name in self.layer_buckets.items()
        }


def work_group_name(path: Path | None, bucket: str, tenant: str | None = None) -> str:
    """Return the name of the Athena work group that bootstrap makes for the lake of this bucket, or for a tenant of it.

    A tenant without a work group of its own uses the lake's, if its role may.

    Raises:
        ConfigError: lake.yml declares none.
    """
    declared = load_config(path).athena
    if declared is None:
        raise ConfigError(
            "lake.yml declares no Athena work group (`athena: null`). Nothing was run. Declare one and run lakeworks "
            "bootstrap, or name another: --work-group"
        )
    return tenant_groups(declared, bucket).get(tenant or "", declared.name or bucket)


@lru_cache
def load_config(path: Path | None = None) -> LakeConfig:
    """Read the file at `path`, or the project's `lake.yml`.

    Raises:
        ConfigError: the file is missing, no YAML, or has a wrong field; names both.
    """
    path = path or current_project().file
    advice = {"path_advice": "Correct LAKE_CONFIG_FILE.", "field_advice": "Correct the file (docs/lake-yml.md)."}
    with explained_file(f"`{path}`", "Nothing was changed.", **advice):
        return LakeConfig.model_validate(read_yaml(path) or {})
