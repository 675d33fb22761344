"""ARNs and conditions of streams, of their keys, and of their deliveries."""

from collections.abc import Callable
from typing import Any

from lakeworks.core.layout import INBOX, landing_prefix
from lakeworks.infrastructure.aws_partition import dns_suffix
from lakeworks.infrastructure.stream_config import AWS_KEY, DELIVERY_ERRORS, STREAM_SOURCE, checkpoint_table, live_table
from lakeworks.permissions.aws_call import On
from lakeworks.permissions.policy_scope import PolicyScope, Resources, key_of


def _stream_tables(scope: PolicyScope) -> Resources:
    names = [table(name) for name in scope.streams for table in (checkpoint_table, live_table)]
    return [scope.address.arn("dynamodb", f"table/{name}") for name in names], {}


def _stream_keys(scope: PolicyScope) -> Resources:
    """Return the keys of streams that have an ARN, for use through Kinesis alone."""
    arns = [arn for key in _keys(scope) if "alias/" not in key for arn in key_of(scope, key)[0]]
    return arns, _through_kinesis(scope)


def _stream_aliases(scope: PolicyScope) -> Resources:
    """Return the keys of streams that an alias names: every key, on the condition that it has one of the aliases."""
    aliases = [f"alias/{key.partition('alias/')[2]}" for key in _keys(scope) if "alias/" in key]
    arns = [scope.address.arn("kms", "key/*")] if aliases else []
    return arns, {**_through_kinesis(scope), "ForAnyValue:StringEquals": {"kms:ResourceAliases": aliases}}


def _keys(scope: PolicyScope) -> list[str]:
    """Return the keys of streams. The key of AWS itself needs no permission."""
    return sorted({one.kms_key_id for one in scope.streams.values() if one.kms_key_id} - {AWS_KEY})


def _through_kinesis(scope: PolicyScope) -> dict[str, Any]:
    region = scope.address.region
    return {"StringEquals": {"kms:ViaService": f"kinesis.{region}.{dns_suffix(region)}"}}


def _deliveries(scope: PolicyScope) -> Resources:
    names = [one.delivery_name(stream) for stream, one in scope.deliveries.items()]
    return [scope.address.arn("firehose", f"deliverystream/{name}") for name in names], {}


def _delivery_roles(scope: PolicyScope) -> Resources:
    condition = {"StringEquals": {"iam:PassedToService": "firehose.amazonaws.com"}}
    return [one.role_arn for one in scope.deliveries.values()], condition


def _delivered_files(scope: PolicyScope) -> Resources:
    folders = [f"{area}/{one.dataset}/*" for one in scope.deliveries.values() for area in (INBOX, DELIVERY_ERRORS)]
    return [scope.address.object_arn(folder) for folder in folders], {}


def _landed(scope: PolicyScope) -> list[str]:
    """Return the folders of streams in landing."""
    streams = scope.streams.values()
    return [landing_prefix(one.domain or one.name, f"{STREAM_SOURCE}.{one.name}", None) for one in streams]


def _landed_listings(scope: PolicyScope) -> Resources:
    folders = _landed(scope)
    condition = {"StringLike": {"s3:prefix": [f"{folder}*" for folder in folders]}}
    return [scope.address.bucket_arn(folder) for folder in folders], condition


STREAM_RESOURCES: dict[On, Callable[[PolicyScope], Resources]] = {
    On.STREAMS: lambda scope: ([scope.address.arn("kinesis", f"stream/{name}") for name in scope.streams], {}),
    On.STREAM_TABLES: _stream_tables,
    On.STREAM_CONSUMERS: lambda scope: (
        [scope.address.arn("kinesis", f"stream/{name}/consumer/*") for name in scope.streams], {}
    ),
    On.STREAM_KEYS: _stream_keys,
    On.STREAM_KEY_ALIASES: _stream_aliases,
    On.LANDED: lambda scope: ([scope.address.object_arn(f"{folder}*") for folder in _landed(scope)], {}),
    On.LANDED_LIST: _landed_listings,
    On.DELIVERIES: _deliveries,
    On.DELIVERY_ROLES: _delivery_roles,
    On.DELIVERED_STREAMS: lambda scope: (
        [scope.address.arn("kinesis", f"stream/{name}") for name in scope.deliveries], {}
    ),
    On.DELIVERED_FILES: _delivered_files,
    On.DELIVERY_BUCKET: lambda scope: ([scope.address.bucket_arn()], {}),
}  # fmt: skip
