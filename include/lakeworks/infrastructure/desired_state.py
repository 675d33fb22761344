"""The desired state: the resources from `lake.yml` and the contracts, in the order of their creation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lakeworks.contract import Contract
from lakeworks.core.layout import INBOX
from lakeworks.infrastructure.aws_partition import LakeLocation, billing_region
from lakeworks.infrastructure.bucket_names import OURS, bucket_name, crawler_name
from lakeworks.infrastructure.config import LakeConfig, Notification
from lakeworks.infrastructure.lake_formation.governed_catalog import catalog_resources
from lakeworks.infrastructure.lake_formation.known_state import KnownState
from lakeworks.infrastructure.lifecycle_review import Judgement
from lakeworks.infrastructure.readers.delivery import DELIVERY_SID, KnownDistribution, delivery_statement
from lakeworks.infrastructure.reports.prefix_reports import RequestMetrics, StorageClassAnalysis
from lakeworks.infrastructure.resource import Document, Resource
from lakeworks.infrastructure.resources import bucket_policy as policy
from lakeworks.infrastructure.resources.access_logs import AccessLogs
from lakeworks.infrastructure.resources.alarm_and_budget import MonthlyBudget, StorageAlarm
from lakeworks.infrastructure.resources.athena import WorkGroup
from lakeworks.infrastructure.resources.bucket import Bucket
from lakeworks.infrastructure.resources.bucket_manifest import BucketManifest, content_of
from lakeworks.infrastructure.resources.bucket_security import (
    DefaultEncryption,
    Ownership,
    PublicAccessBlock,
    Versioning,
)
from lakeworks.infrastructure.resources.distribution import OriginAccessControl, desired_distribution
from lakeworks.infrastructure.resources.glue import GlueCrawler
from lakeworks.infrastructure.resources.inbox_queue import InboxQueue
from lakeworks.infrastructure.resources.inventory_and_tiering import IntelligentTiering, InventoryReport
from lakeworks.infrastructure.resources.lifecycle import LifecycleRules, log_rules, report_rules, without_transitions
from lakeworks.infrastructure.resources.notifications import Notifications
from lakeworks.infrastructure.resources.replication import KEPT, FirstEpoch, ReplicationRules
from lakeworks.infrastructure.resources.streams.stream import stream_resources
from lakeworks.infrastructure.resources.tags import Tags
from lakeworks.infrastructure.spark.resources import spark_resources


@dataclass(frozen=True)
class DesiredState:
    """A lake.yml, the contracts, their lifecycle rules, the review of these rules, and what is known of AWS's side."""

    config: LakeConfig
    contracts: Sequence[Contract]
    rules: Document
    judgement: Judgement
    now: Callable[[], datetime]
    lake_formation: KnownState = field(default_factory=KnownState)
    distribution: KnownDistribution = field(default_factory=KnownDistribution)


def desired_resources(place: LakeLocation, wish: DesiredState) -> list[Resource]:
    """Return every resource; buckets first, then what refers to them.

    Raises:
        ConfigError: a bucket has no valid name.
    """
    names = _Names(place, wish.config)
    return [
        *_buckets(place, names),
        *_log_bucket(place, wish.config, names),
        *_replica(place, wish, names),
        *_inbox_queue(place, wish.config),
        *(
            resource
            for name in (place.bucket, *names.layers.values())
            for resource in _layer_bucket(place, wish, names, name)
        ),
        *_outside_buckets(place, wish),
        *spark_resources(place.bucket, wish.config),
        *stream_resources(wish.config, place),
        _manifest(place, wish),
    ]


def _manifest(place: LakeLocation, wish: DesiredState) -> BucketManifest:
    rules = {name: rule for name, rule in wish.rules.items() if name not in wish.judgement.refused}
    rules |= {} if wish.config.logging else report_rules(wish.config)
    content = content_of(place.bucket, place.region, wish.config, list(wish.contracts), rules)
    return BucketManifest(place.bucket, content, wish.now)


def replica_name(place: LakeLocation, config: LakeConfig) -> str | None:
    """Return the bucket of the copies; None without replication."""
    return _Names(place, config).replica


class _Names:
    """The other buckets' names."""

    def __init__(self, place: LakeLocation, config: LakeConfig) -> None:
        def made(given: str | None, purpose: str) -> str:
            return given or bucket_name(config.project, config.environment, purpose, config.unique or place.account)

        self.layers = config.bucket_of_layer
        self.logs = made(config.logging.bucket, "logs") if config.logging else None
        self.replica = made(config.replication.bucket, "backup") if config.replication else None
        self.replica_region = config.replication.region if config.replication else None


def _buckets(place: LakeLocation, names: _Names) -> Iterator[Resource]:
    for name in (place.bucket, *names.layers.values(), *filter(None, [names.logs])):
        yield Bucket(name, place.region, place.account)
    if names.replica and names.replica_region:
        yield Bucket(names.replica, names.replica_region, place.account, other_region=names.replica_region)


def _guarded(bucket: str, config: LakeConfig, kms_key_id: str | None, region: str | None = None) -> Iterator[Resource]:
    """Yield the settings of every bucket. Encryption comes first, because its test object must leave no version."""
    yield DefaultEncryption(bucket, region, kms_key_id)
    yield Versioning(bucket, region)
    yield PublicAccessBlock(bucket, region)
    yield Ownership(bucket, region)
    yield Tags(bucket, {"project": config.project, "environment": config.environment, **config.tags}, region)


def _log_bucket(place: LakeLocation, config: LakeConfig, names: _Names) -> Iterator[Resource]:
    """Yield the log bucket and its settings. S3 delivers logs to buckets with SSE-S3 only."""
    if not names.logs or not config.logging:
        return
    yield from _guarded(names.logs, config, None)
    sources = [place.bucket, *names.layers.values()]
    logs = policy.deliveries(
        names.logs, config.logging.prefix, "Logs", sources, place.account, partition=place.partition
    )
    reports = _report_policy(place, config, names.logs, sources)
    yield policy.BucketPolicy(names.logs, {**_tls(place, names.logs), **logs, **reports}, not place.secure)
    yield LifecycleRules(names.logs, log_rules(config.logging.expire_after_days))


def _replica(place: LakeLocation, wish: DesiredState, names: _Names) -> Iterator[Resource]:
    config = wish.config
    if not names.replica or not config.replication:
        return
    yield from _guarded(names.replica, config, config.replication.kms_key_id, names.replica_region)
    yield policy.BucketPolicy(names.replica, _tls(place, names.replica), not place.secure, names.replica_region)
    # Copies are already in a cold class. Expiry must be repeated there, because deletions are not replicated.
    yield LifecycleRules(names.replica, without_transitions(wish.rules), other_region=names.replica_region)


def _layer_bucket(place: LakeLocation, wish: DesiredState, names: _Names, bucket: str) -> Iterator[Resource]:
    """Yield a bucket with layers and its settings: the lake's own, or one of `layer_buckets`."""
    config = wish.config
    kms = config.encryption.kms_key_id

    def here(prefix: str) -> bool:
        """Return True if this bucket has the prefix; the whole bucket (no layer) is for every bucket."""
        return not prefix or names.layers.get(prefix.split("/")[0], place.bucket) == bucket

    yield from _guarded(bucket, config, kms)
    delivers = config.cloudfront if bucket == place.bucket else None
    statements = {
        **_tls(place, bucket),
        **(policy.one_key(bucket, kms, partition=place.partition) if kms else {}),
        **policy.readers(bucket, config.access.readers, partition=place.partition),
        **policy.writers(bucket, config.access.writers, tags=bool(config.object_tags), partition=place.partition),
        **(delivery_statement(bucket, delivers.prefix, wish.distribution.arn, place.partition) if delivers else {}),
        **({} if names.logs else _report_policy(place, config, bucket, [bucket])),
    }
    undecided = frozenset() if wish.distribution.is_read else frozenset({DELIVERY_SID})
    yield policy.BucketPolicy(bucket, statements, not place.secure, undecided=undecided)
    rules = {name: rule for name, rule in wish.rules.items() if here(rule["Filter"]["Prefix"])}
    rules |= {} if names.logs else report_rules(config)
    notes = tuple(note for note in wish.judgement.notes if not note.startswith(OURS) or note.split(":")[0] in rules)
    yield LifecycleRules(bucket, rules, frozenset(wish.judgement.refused), notes)
    yield from (IntelligentTiering(bucket, one) for one in config.intelligent_tiering if here(one.prefix))
    if config.inventory:
        yield InventoryReport(bucket, names.logs or bucket, config.inventory, place.account, place.partition, kms)
    yield from (RequestMetrics(bucket, one) for one in config.request_metrics if here(one.prefix))
    for one in config.storage_class_analysis:
        if here(one.prefix):
            yield StorageClassAnalysis(bucket, one, names.logs or bucket, place.account, place.partition)
    if names.logs and config.logging:
        yield AccessLogs(bucket, names.logs, config.logging.prefix)
    receivers = (
        *(one for one in config.notifications if here(one.prefix)),
        *_inbox_notification(place, config, bucket),
    )
    yield Notifications(bucket, receivers, config.eventbridge)
    if config.alarm:
        alarm = config.alarm
        yield StorageAlarm(f"{bucket}-storage-cost-alarm", bucket, alarm.above_bytes, alarm.topic_arn)
    if (copy := config.replication) and names.replica:
        prefixes = (copy.prefix,) if copy.prefix else KEPT
        yield ReplicationRules(
            bucket, names.replica, copy.role_arn, copy.storage_class, tuple(filter(here, prefixes)), copy.kms_key_id, bool(kms),
            place.partition,
        )  # fmt: skip
        if bucket == place.bucket and not copy.prefix:  # a copy of one prefix cannot become the lake
            yield FirstEpoch(bucket, place.region, wish.now)


def _inbox_arn(place: LakeLocation, config: LakeConfig) -> str:
    assert config.inbox_events is not None  # noqa: S101 - both callers asked
    if not config.inbox_events.is_ours:
        return str(config.inbox_events.queue)
    return f"arn:{place.partition}:sqs:{place.region}:{place.account}:{config.inbox_events.name(place.bucket)}"


def _inbox_queue(place: LakeLocation, config: LakeConfig) -> Iterator[Resource]:
    if config.inbox_events and config.inbox_events.is_ours:
        name = config.inbox_events.name(place.bucket)
        yield InboxQueue(name, _inbox_arn(place, config), place.bucket, place.account or "", place.partition)


def _inbox_notification(place: LakeLocation, config: LakeConfig, bucket: str) -> Iterator[Notification]:
    """Yield the receiver of the inbox's events; the inbox lies in the lake's own bucket."""
    if config.inbox_events and bucket == place.bucket and (place.account or not config.inbox_events.is_ours):
        yield Notification(id="inbox", to=_inbox_arn(place, config), prefix=f"{INBOX}/")


def _outside_buckets(place: LakeLocation, wish: DesiredState) -> Iterator[Resource]:
    """Yield the resources outside buckets: Glue, Athena, alarms, budgets."""
    config = wish.config
    yield from catalog_resources(place, config, wish.contracts, wish.lake_formation)
    for crawler in config.crawlers:
        yield GlueCrawler(crawler_name(crawler.name), crawler, place.bucket)
    if distribution := desired_distribution(place, config.cloudfront):
        yield OriginAccessControl(distribution.name)
        yield distribution
    for group in config.athena.groups(place.bucket) if config.athena else ():
        results = f"s3://{place.bucket}/{group.results}"
        yield WorkGroup(group.name, results, group.scan_limit_bytes, config.encryption.kms_key_id)
    if config.budget:
        name = f"{place.bucket}-MonthlyDataStorageBudget"
        home = billing_region(place.region)
        yield MonthlyBudget(name, place.account or "", config.budget, config.project, home)


def _tls(place: LakeLocation, bucket: str) -> Document:
    return policy.tls_only(bucket, partition=place.partition) if place.secure else {}


def _report_policy(place: LakeLocation, config: LakeConfig, bucket: str, sources: Sequence[str]) -> Document:
    """Return the policy for inventories and analyses; they go to the log bucket if there is one, else to the listed bucket."""
    folders = {"Inventory": config.inventory.prefix} if config.inventory else {}
    exports = sorted({one.export_prefix for one in config.storage_class_analysis if one.export})
    folders |= {f"Analysis{number or ''}": prefix for number, prefix in enumerate(exports)}
    statements: Document = {}
    for what, folder in folders.items():
        statements |= policy.deliveries(bucket, folder, what, sources, place.account, partition=place.partition)
    return statements
