"""The lake's address in the resource names (ARNs) of its account, region and partition."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from lakeworks.infrastructure.aws_partition import partition_of
from lakeworks.infrastructure.config import load_config
from lakeworks.infrastructure.readers.work_groups import tenant_groups
from lakeworks.settings import Settings


@dataclass(frozen=True)
class LakeAddress:
    """The lake's address in resource names."""

    bucket: str
    region: str
    account: str
    partition: str = "aws"  # aws-cn, aws-us-gov
    kms_key_arn: str | None = None
    layers: Mapping[str, str] = field(default_factory=dict)  # layers with a bucket of their own
    tags: bool = False  # objects have tags
    tenant_groups: Mapping[str, str] = field(default_factory=dict)  # Athena work groups of tenants

    @classmethod
    def of(cls, settings: Settings, account: str) -> Self:
        """Return the address of a deployment's lake."""
        config = load_config(settings.config_file)
        key = config.encryption.kms_key_id or settings.kms_key_id or ""
        kms = key if key.startswith("arn:") else None
        return cls(
            settings.bucket,
            settings.region,
            account,
            partition_of(settings.region),
            kms,
            config.bucket_of_layer,
            bool(config.object_tags),
            tenant_groups(config.athena, settings.bucket),
        )

    def bucket_arn(self, key: str = "") -> str:
        """Return the ARN of the bucket that holds a key or prefix."""
        return f"arn:{self.partition}:s3:::{self.layers.get(key.split('/', 1)[0], self.bucket)}"

    def object_arn(self, key: str) -> str:
        """Return the ARN of an object, or of a pattern of objects."""
        return f"{self.bucket_arn(key)}/{key}"

    def glue_arn(self, resource: str) -> str:
        """Return the ARN of a resource of the Data Catalog."""
        return self.arn("glue", resource)

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource in the lake's region and account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def global_arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of a service without regions, such as IAM."""
        return f"arn:{self.partition}:{service}::{self.account}:{resource}"
