"""Resources as a CloudFormation template (property names: AWS resource and property types reference)."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from lakeworks.infrastructure.export.inbox_queue import add_to_template
from lakeworks.infrastructure.export.streams import stream_properties, table_properties
from lakeworks.infrastructure.resource import Document, Resource

_VERSION = "2010-09-09"


def template(resources: Sequence[Resource]) -> Document:
    """Return one stack of the lake's region. Its `Metadata` lists what CloudFormation cannot have there."""
    found: Document = {}
    left_out: list[str] = []
    buckets = {
        resource.name: resource for resource in resources if resource.kind == "bucket" and resource.region is None
    }
    for name in buckets:
        parts = [resource for resource in resources if resource.name == name and resource.region is None]
        found[_id("Bucket", name)] = _bucket(name, parts)
    add_to_template(found, resources, _id)
    for resource in resources:
        if resource.kind == "inbox queue":
            continue
        if alone := _ALONE.get(resource.kind):
            if resource.region is None or resource.kind == "budget":
                kind, properties = alone
                found[_id(kind.rpartition("::")[2], resource.name)] = {"Type": kind, "Properties": properties(resource)}
                continue
        elif resource.kind in _IN_BUCKET and resource.name in buckets:
            continue
        if resource.name not in buckets or resource.kind == "manifest":
            left_out.append(f"{resource.kind} {resource.name}")
    return {
        "AWSTemplateFormatVersion": _VERSION,
        "Description": "A Lakeworks lake, exported by `lakeworks bootstrap --export cloudformation`",
        "Metadata": {"NotInThisTemplate": sorted(set(left_out))},
        "Resources": found,
    }


def _id(kind: str, name: str) -> str:
    return kind + "".join(part.capitalize() for part in re.findall(r"[A-Za-z0-9]+", name))


def _bucket(name: str, parts: Sequence[Resource]) -> Document:
    properties: Document = {"BucketName": name}
    tierings = []
    for part in parts:
        if part.kind == "intelligent tiering":
            tierings.append(_tiering(part.wanted()))
        elif fragment := _IN_BUCKET.get(part.kind):
            properties |= fragment(part.wanted())
    if tierings:
        properties["IntelligentTieringConfigurations"] = tierings
    # S3 delivers to an existing bucket that permits it. A name alone gives CloudFormation no order, so state it.
    logs = properties.get("LoggingConfiguration", {}).get("DestinationBucketName")
    after = {"DependsOn": [_id("Bucket", logs), _id("BucketPolicy", logs)]} if logs else {}
    # Deleting the stack must not delete the lake.
    return {
        "Type": "AWS::S3::Bucket",
        **after,
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    }


def _encryption(wanted: Document) -> Document:
    default = {key: value for key, value in wanted.items() if key != "BucketKeyEnabled"}
    rule = {"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": wanted.get("BucketKeyEnabled", False)}
    return {"BucketEncryption": {"ServerSideEncryptionConfiguration": [rule]}}


def _lifecycle(wanted: Document) -> Document:
    return {"LifecycleConfiguration": {"Rules": [_rule(rule) for rule in wanted.values()]}}


def _rule(rule: Document) -> Document:
    found: Document = {"Id": rule["ID"], "Status": rule["Status"]}
    if rule["Filter"]["Prefix"]:
        found["Prefix"] = rule["Filter"]["Prefix"]
    if moves := rule.get("Transitions"):
        found["Transitions"] = [
            {"StorageClass": move["StorageClass"], "TransitionInDays": move["Days"]} for move in moves
        ]
    expiry = rule.get("Expiration", {})
    if "Days" in expiry:
        found["ExpirationInDays"] = expiry["Days"]
    if "ExpiredObjectDeleteMarker" in expiry:
        found["ExpiredObjectDeleteMarker"] = expiry["ExpiredObjectDeleteMarker"]
    for same in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if same in rule:
            found[same] = rule[same]
    return found


def _tiering(wanted: Document) -> Document:
    where = {"Prefix": wanted["Filter"]["Prefix"]} if "Filter" in wanted else {}
    return {"Id": wanted["Id"], **where, "Status": wanted["Status"], "Tierings": wanted["Tierings"]}


def _inventory(wanted: Document) -> Document:
    to = wanted["Destination"]["S3BucketDestination"]
    destination = {"BucketArn": to["Bucket"], "Format": to["Format"], "Prefix": to["Prefix"]}
    if "AccountId" in to:
        destination["BucketAccountId"] = to["AccountId"]
    return {
        "InventoryConfigurations": [
            {
                "Id": wanted["Id"], "Enabled": wanted["IsEnabled"], "IncludedObjectVersions": wanted["IncludedObjectVersions"],
                "OptionalFields": wanted["OptionalFields"], "ScheduleFrequency": wanted["Schedule"]["Frequency"],
                "Destination": destination,
            }
        ]
    }  # fmt: skip


def _notifications(wanted: Document) -> Document:
    kinds = {
        "sqs": ("QueueConfigurations", "Queue"),
        "sns": ("TopicConfigurations", "Topic"),
        "lambda": ("LambdaConfigurations", "Function"),
    }
    found: Document = {}
    for entry in wanted.values():
        if "To" not in entry:
            found["EventBridgeConfiguration"] = {"EventBridgeEnabled": True}
            continue
        member, target = kinds[entry["To"].split(":")[2]]
        rules = [{"Name": key.lower(), "Value": entry[key]} for key in ("Prefix", "Suffix") if key in entry]
        where = {"Filter": {"S3Key": {"Rules": rules}}} if rules else {}
        found.setdefault(member, []).extend({"Event": event, target: entry["To"], **where} for event in entry["Events"])
    return {"NotificationConfiguration": found}


def _replication(wanted: Document) -> Document:
    rules = []
    for rule in (value for key, value in wanted.items() if key != "Role"):
        renamed = {"Id" if key == "ID" else key: value for key, value in rule.items()}
        rules.append(renamed)
    return {"ReplicationConfiguration": {"Role": wanted["Role"], "Rules": rules}}


def _policy(resource: Resource) -> Document:
    statements = list(resource.wanted().values())
    return {"Bucket": resource.name, "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}


def _work_group(resource: Resource) -> Document:
    wanted = resource.wanted()
    result = {key: wanted[key] for key in ("OutputLocation", "EncryptionConfiguration")}
    fixed = {key: value for key, value in wanted.items() if key not in (*result, "Description")}
    configuration = {"ResultConfiguration": result, **fixed}
    return {"Name": resource.name, "Description": wanted["Description"], "WorkGroupConfiguration": configuration}


def _database(resource: Resource) -> Document:
    return {"CatalogId": {"Ref": "AWS::AccountId"}, "DatabaseInput": {"Name": resource.name}}


def _crawler(resource: Resource) -> Document:
    wanted = resource.wanted()
    schedule = {"Schedule": {"ScheduleExpression": wanted["Schedule"]}} if "Schedule" in wanted else {}
    return {
        "Name": resource.name, "Description": wanted["Description"], "Role": wanted["Role"],
        "DatabaseName": wanted["DatabaseName"],
        "Targets": {"S3Targets": [{"Path": wanted["Path"]}]},
        "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "LOG"},
        **schedule,
    }  # fmt: skip


def _grant(resource: Any) -> Document:
    grant = resource.grant
    account = {"CatalogId": {"Ref": "AWS::AccountId"}}
    database = {"Database": {**account, "Name": grant.database}}
    table = {"Table": {**account, "DatabaseName": grant.database, "Name": grant.table}}
    return {
        "Principal": {"DataLakePrincipalIdentifier": grant.principal},
        "Resource": table if grant.table else database,
        "Permissions": sorted(grant.permissions),
        "PermissionsWithGrantOption": [],
    }


def _alarm(resource: Resource) -> Document:
    wanted = {key: value for key, value in resource.wanted().items() if value != []}
    return {"AlarmName": resource.name, **wanted}


def _budget(resource: Resource) -> Document:
    wanted = resource.wanted()
    notification = {
        "NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "ThresholdType": "PERCENTAGE",
        "Threshold": wanted["AlertAtPercent"],
    }  # fmt: skip
    readers = [{"SubscriptionType": "EMAIL", "Address": address} for address in wanted["Emails"]]
    filters = {"CostFilters": wanted["CostFilters"]} if "CostFilters" in wanted else {}
    return {
        "Budget": {
            "BudgetName": resource.name, "BudgetLimit": {"Amount": wanted["Amount"], "Unit": wanted["Unit"]},
            "TimeUnit": wanted["TimeUnit"], "BudgetType": wanted["BudgetType"], **filters,
        },
        "NotificationsWithSubscribers": [{"Notification": notification, "Subscribers": readers}],
    }  # fmt: skip


_IN_BUCKET: dict[str, Callable[[Document], Document]] = {
    "bucket": lambda _: {},
    "versioning": lambda wanted: {"VersioningConfiguration": wanted},
    "encryption": _encryption,
    "public access block": lambda wanted: {"PublicAccessBlockConfiguration": wanted},
    "ownership": lambda wanted: {"OwnershipControls": {"Rules": [wanted]}},
    "tags": lambda wanted: {"Tags": [{"Key": key, "Value": value} for key, value in sorted(wanted.items())]},
    "lifecycle": _lifecycle,
    "intelligent tiering": lambda _: {},
    "inventory": _inventory,
    "access logging": lambda wanted: {
        "LoggingConfiguration": {
            "DestinationBucketName": wanted["TargetBucket"],
            "LogFilePrefix": wanted["TargetPrefix"],
        }
    },
    "notifications": _notifications,
    "replication": _replication,
}
_ALONE: dict[str, tuple[str, Callable[[Any], Document]]] = {
    "policy": ("AWS::S3::BucketPolicy", _policy),
    "database": ("AWS::Glue::Database", _database),
    "crawler": ("AWS::Glue::Crawler", _crawler),
    "athena work group": ("AWS::Athena::WorkGroup", _work_group),
    "grant": ("AWS::LakeFormation::PrincipalPermissions", _grant),
    "storage alarm": ("AWS::CloudWatch::Alarm", _alarm),
    "budget": ("AWS::Budgets::Budget", _budget),
    "stream": ("AWS::Kinesis::Stream", stream_properties),
    "stream table": ("AWS::DynamoDB::Table", table_properties),
}
