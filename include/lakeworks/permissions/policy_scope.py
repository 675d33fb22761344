"""The lake that policies are for."""

from dataclasses import dataclass
from typing import Any

from lakeworks.infrastructure.bucket_names import bucket_name
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.readers.work_groups import DeclaredGroup, group_of
from lakeworks.infrastructure.stream_config import StreamConfig, StreamDelivery
from lakeworks.permissions.lake_address import LakeAddress

Resources = tuple[list[str], dict[str, Any]]


@dataclass(frozen=True)
class PolicyScope:
    """The lake that policies are for: its address, its lake.yml, and the Athena work group (default: the lake's own)."""

    address: LakeAddress
    config: LakeConfig
    kms_key_id: str | None = None
    work_group: str | None = None

    def has(self, feature: str) -> bool:
        """Return True if lake.yml has a section, so that its calls are made."""
        if feature == "kms":
            return bool(self.kms_key_id)
        if feature == "ungoverned":
            return self.config.lake_formation is None
        if feature == "grants":  # an empty list, too: bootstrap takes back what was in it
            return "grants" in self.config.model_fields_set
        if feature == "lf_tags":
            return bool(self.config.lake_formation and self.config.lake_formation.tags)
        if feature == "deliveries":
            return bool(self.deliveries)
        if feature == "fan_out":
            return any(one.fan_out for one in self.streams.values())
        return not feature or bool(getattr(self.config, feature))

    @property
    def group(self) -> DeclaredGroup | None:
        """Return the Athena work group that the policy is for; None if lake.yml declares none.

        Raises:
            ConfigError: lake.yml declares no group of that name.
        """
        return group_of(self.config.athena, self.address.bucket, self.work_group) if self.config.athena else None

    @property
    def deliveries(self) -> dict[str, StreamDelivery]:
        """Return the deliveries of streams, by the name of the stream in Kinesis."""
        return {name: one.delivery for name, one in self.streams.items() if one.delivery}

    @property
    def streams(self) -> dict[str, StreamConfig]:
        """Return the streams, by their names in Kinesis."""
        config = self.config
        return {one.stream_name(config.project, config.environment): one for one in config.streams}

    @property
    def other_buckets(self) -> dict[str, str]:
        """Return the buckets of logs and copies, by purpose."""
        config, buckets = self.config, dict[str, str]()
        for purpose, section in (("logs", config.logging), ("backup", config.replication)):
            if section:
                unique = config.unique or self.address.account
                buckets[purpose] = section.bucket or bucket_name(config.project, config.environment, purpose, unique)
        return buckets


def key_of(scope: PolicyScope, key: str) -> Resources:
    """Return a key's ARN. An alias has none in IAM: a condition names it."""
    if key.startswith("arn:") and ":alias/" not in key:
        return [key], {}
    if "alias/" in key:
        alias = f"alias/{key.partition('alias/')[2]}"
        return [scope.address.arn("kms", "key/*")], {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}
    return [scope.address.arn("kms", f"key/{key}")], {}
