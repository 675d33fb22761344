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
        if key not in world.rules_of_keys:
            world.rules_of_keys[key] = [r for r in world.rules if key.startswith(r["Filter"].get("Prefix", ""))]
        for rule in world.rules_of_keys[key]:
            _expire(world.bucket, key, rule)
            _expire_noncurrent(world.bucket, key, rule)
            _archive(world.bucket, key, rule)
    for name, upload in list(world.bucket.uploads.items()):
        if world.clock.now - upload.started > timedelta(days=7):
            del world.bucket.uploads[name]


def _expire(bucket: Bucket, key: str, rule: dict[str, Any]) -> None:
    days = rule.get("Expiration", {}).get("Days")
    found = bucket.current(key) if days else None
    if found and bucket.clock.now - found.modified > timedelta(days=days):
        bucket.mark_deleted(key)


def _expire_noncurrent(bucket: Bucket, key: str, rule: dict[str, Any]) -> None:
    """Remove versions that were replaced long enough ago, except the newest of them where the rule keeps some."""
    action = rule.get("NoncurrentVersionExpiration")
    versions = bucket.keys.get(key, ())
    if not action or len(versions) < 2:
        return
    old = versions[:-1]
    surplus = max(len(old) - action.get("NewerNoncurrentVersions", 0), 0)
    for version in old[:surplus]:
        since = version.noncurrent_since
        if since and bucket.clock.now - since > timedelta(days=action["NoncurrentDays"]):
            bucket.delete_object(Key=key, VersionId=version.id)


def _archive(bucket: Bucket, key: str, rule: dict[str, Any]) -> None:
    moves = rule.get("Transitions", ())
    found: Version | None = bucket.current(key) if moves else None
    for move in moves:
        if (
            found
            and found.storage_class not in _ARCHIVES
            and bucket.clock.now - found.modified > timedelta(days=move["Days"])
        ):
            found.storage_class = move["StorageClass"]
