"""The bucket's lifecycle, acted on by the virtual clock. The rules are those that `lake_bootstrap` writes for the table."""

from datetime import timedelta
from typing import Any

from lakeworks.infrastructure.resources.lifecycle import rules_of
from tests.simulation.bucket import Bucket
from tests.simulation.stored import Version
from tests.simulation.world import World

_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")


def act(world: World) -> None:
    """Do what S3 would have done by now."""
    if not world.rules:
        world.rules = list(rules_of(world.lake.lifecycle, [world.contract]).values())
    for key in list(world.bucket.keys):
        for rule in world.rules:
            if key.startswith(rule["Filter"].get("Prefix", "")):
                _expire(world.bucket, key, rule)
                _expire_noncurrent(world.bucket, key, rule)
                _archive(world.bucket, key, rule)
    for name, upload in list(world.bucket.uploads.items()):
        if world.clock.now - upload.started > timedelta(days=7):
            del world.bucket.uploads[name]


def _expire(bucket: Bucket, key: str, rule: dict[str, Any]) -> None:
    days = rule.get("Expiration", {}).get("Days")
    found = bucket.current(key)
    if days and found and bucket.clock.now - found.modified > timedelta(days=days):
        bucket.mark_deleted(key)


def _expire_noncurrent(bucket: Bucket, key: str, rule: dict[str, Any]) -> None:
    """Remove versions that were replaced long enough ago, except the newest of them where the rule keeps some."""
    action = rule.get("NoncurrentVersionExpiration")
    if not action:
        return
    old = bucket.keys.get(key, [])[:-1]
    surplus = max(len(old) - action.get("NewerNoncurrentVersions", 0), 0)
    for version in old[:surplus]:
        since = version.noncurrent_since
        if since and bucket.clock.now - since > timedelta(days=action["NoncurrentDays"]):
            bucket.delete_object(Key=key, VersionId=version.id)


def _archive(bucket: Bucket, key: str, rule: dict[str, Any]) -> None:
    found: Version | None = bucket.current(key)
    for move in rule.get("Transitions", ()) if found else ():
        archived = found is not None and found.storage_class in _ARCHIVES
        if found and not archived and bucket.clock.now - found.modified > timedelta(days=move["Days"]):
            found.storage_class = move["StorageClass"]
