"""Resources as a CloudFormation template (property names: AWS resource and property types reference)."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from lakeworks.infrastructure.export import deliveries, distribution, inbox_queue, lake_formation, lf_tags
from lakeworks.infrastructure.export.prefix_reports import MANY_A_BUCKET, analysis_properties, metrics_properties
from lakeworks.infrastructure.export.spark import application_properties, job_properties
from lakeworks.infrastructure.export.streams import STREAM_TYPES
from lakeworks.infrastructure.resource import Document, Resource

_VERSION = "2010-09-09"


def template(resources: Sequence[Resource]) -> Document:
    """Return one stack of the lake's region. Its `Metadata` lists what CloudFormation cannot have there."""
    document: Document = {}
    left_out: list[str] = []
    buckets = {
        resource.name: resource for resource in resources if resource.kind == "bucket" and resource.region is None
    }
    for name in buckets:
        parts = [resource for resource in resources if resource.name == name and resource.region is None]
        document[_id("Bucket", name)] = _bucket(name, parts)
    inbox_queue.add_to_template(document, resources, _id)
    deliveries.add_to_template(document, resources, _id)
    for resource in resources:
        if resource.kind in ("inbox queue", "delivery stream", "stream consumer", *lf_tags.KINDS):
            continue
        if alone := _ALONE.get(resource.kind):
            if resource.region is None or resource.kind == "budget":
                kind, properties = alone
                document[_id(kind.rpartition("::")[2], resource.name)] = {
                    "Type": kind,
                    "Properties": properties(resource),
                }
                continue
        elif resource.kind in _IN_BUCKET and resource.name in buckets:
            continue
        if resource.name not in buckets or resource.kind in ("manifest", "epoch", "spark job file"):
            left_out.append(f"{resource.kind} {resource.name}")
    distribution.admit_in_template(document, resources, _id)
    lake_formation.order_template(document)
    lf_tags.add_to_template(document, resources, _id)
    left_out += lf_tags.left_out(resources)
    return {
        "AWSTemplateFormatVersion": _VERSION,
        "Description": "A Lakeworks lake, exported by `lakeworks bootstrap --export cloudformation`",
        "Metadata": {"NotInThisTemplate": sorted(set(left_out))},
        "Resources": document,
    }


def _id(kind: str, name: str) -> str:
    return kind + "".join(part.capitalize() for part in re.findall(r"[A-Za-z0-9]+", name))


def _bucket(name: str, parts: Sequence[Resource]) -> Document:
    properties: Document = {"BucketName": name}
    for part in parts:
        if member := MANY_A_BUCKET.get(part.kind):
            properties.setdefault(member, []).append(_LISTED[part.kind](part.desired()))
        elif fragment := _IN_BUCKET.get(part.kind):
            properties |= fragment(part.desired())
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


def _encryption(desired: Document) -> Document:
    default = {key: value for key, value in desired.items() if key != "BucketKeyEnabled"}
    rule = {"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": desired.get("BucketKeyEnabled", False)}
    return {"BucketEncryption": {"ServerSideEncryptionConfiguration": [rule]}}


def _lifecycle(desired: Document) -> Document:
    return {"LifecycleConfiguration": {"Rules": [_rule(rule) for rule in desired.values()]}}


def _rule(rule: Document) -> Document:
    document: Document = {"Id": rule["ID"], "Status": rule["Status"]}
    if rule["Filter"]["Prefix"]:
        document["Prefix"] = rule["Filter"]["Prefix"]
    if moves := rule.get("Transitions"):
        document["Transitions"] = [
            {"StorageClass": move["StorageClass"], "TransitionInDays": move["Days"]} for move in moves
        ]
    expiry = rule.get("Expiration", {})
    if "Days" in expiry:
        document["ExpirationInDays"] = expiry["Days"]
    if "ExpiredObjectDeleteMarker" in expiry:
        document["ExpiredObjectDeleteMarker"] = expiry["ExpiredObjectDeleteMarker"]
    for same in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if same in rule:
            document[same] = rule[same]
    return document


def _tiering(desired: Document) -> Document:
    where = {"Prefix": desired["Filter"]["Prefix"]} if "Filter" in desired else {}
    return {"Id": desired["Id"], **where, "Status": desired["Status"], "Tierings": desired["Tierings"]}


def _inventory(desired: Document) -> Document:
    to = desired["Destination"]["S3BucketDestination"]
    destination = {"BucketArn": to["Bucket"], "Format": to["Format"], "Prefix": to["Prefix"]}
    if "AccountId" in to:
        destination["BucketAccountId"] = to["AccountId"]
    return {
        "InventoryConfigurations": [
            {
                "Id": desired["Id"], "Enabled": desired["IsEnabled"],
                "IncludedObjectVersions": desired["IncludedObjectVersions"],
                "OptionalFields": desired["OptionalFields"], "ScheduleFrequency": desired["Schedule"]["Frequency"],
                "Destination": destination,
            }
        ]
    }  # fmt: skip


def _notifications(desired: Document) -> Document:
    kinds = {
        "sqs": ("QueueConfigurations", "Queue"),
        "sns": ("TopicConfigurations", "Topic"),
        "lambda": ("LambdaConfigurations", "Function"),
    }
    document: Document = {}
    for entry in desired.values():
        if "To" not in entry:
            document["EventBridgeConfiguration"] = {"EventBridgeEnabled": True}
            continue
        member, target = kinds[entry["To"].split(":")[2]]
        rules = [{"Name": key.lower(), "Value": entry[key]} for key in ("Prefix", "Suffix") if key in entry]
        where = {"Filter": {"S3Key": {"Rules": rules}}} if rules else {}
        document.setdefault(member, []).extend(
            {"Event": event, target: entry["To"], **where} for event in entry["Events"]
        )
    return {"NotificationConfiguration": document}


def _replication(desired: Document) -> Document:
    rules = []
    for rule in (value for key, value in desired.items() if key != "Role"):
        renamed = {"Id" if key == "ID" else key: value for key, value in rule.items()}
        rules.append(renamed)
    return {"ReplicationConfiguration": {"Role": desired["Role"], "Rules": rules}}


def _policy(resource: Resource) -> Document:
    statements = list(resource.desired().values())
    return {"Bucket": resource.name, "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}


def _work_group(resource: Resource) -> Document:
    desired = resource.desired()
    result = {key: desired[key] for key in ("OutputLocation", "EncryptionConfiguration")}
    fixed = {key: value for key, value in desired.items() if key not in (*result, "Description")}
    configuration = {"ResultConfiguration": result, **fixed}
    return {"Name": resource.name, "Description": desired["Description"], "WorkGroupConfiguration": configuration}


def _database(resource: Resource) -> Document:
    return {"CatalogId": {"Ref": "AWS::AccountId"}, "DatabaseInput": {"Name": resource.name}}


def _crawler(resource: Resource) -> Document:
    desired = resource.desired()
    schedule = {"Schedule": {"ScheduleExpression": desired["Schedule"]}} if "Schedule" in desired else {}
    return {
        "Name": resource.name, "Description": desired["Description"], "Role": desired["Role"],
        "DatabaseName": desired["DatabaseName"],
        "Targets": {"S3Targets": [{"Path": desired["Path"]}]},
        "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "LOG"},
        **schedule,
    }  # fmt: skip


def _alarm(resource: Resource) -> Document:
    desired = {key: value for key, value in resource.desired().items() if value != []}
    return {"AlarmName": resource.name, **desired}


def _budget(resource: Resource) -> Document:
    desired = resource.desired()
    notification = {
        "NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "ThresholdType": "PERCENTAGE",
        "Threshold": desired["AlertAtPercent"],
    }  # fmt: skip
    readers = [{"SubscriptionType": "EMAIL", "Address": address} for address in desired["Emails"]]
    filters = {"CostFilters": desired["CostFilters"]} if "CostFilters" in desired else {}
    return {
        "Budget": {
            "BudgetName": resource.name, "BudgetLimit": {"Amount": desired["Amount"], "Unit": desired["Unit"]},
            "TimeUnit": desired["TimeUnit"], "BudgetType": desired["BudgetType"], **filters,
        },
        "NotificationsWithSubscribers": [{"Notification": notification, "Subscribers": readers}],
    }  # fmt: skip


_IN_BUCKET: dict[str, Callable[[Document], Document]] = {
    "bucket": lambda _: {},
    "versioning": lambda desired: {"VersioningConfiguration": desired},
    "encryption": _encryption,
    "public access block": lambda desired: {"PublicAccessBlockConfiguration": desired},
    "ownership": lambda desired: {"OwnershipControls": {"Rules": [desired]}},
    "tags": lambda desired: {"Tags": [{"Key": key, "Value": value} for key, value in sorted(desired.items())]},
    "lifecycle": _lifecycle,
    **dict.fromkeys(MANY_A_BUCKET, lambda _: {}),
    "inventory": _inventory,
    "access logging": lambda desired: {
        "LoggingConfiguration": {
            "DestinationBucketName": desired["TargetBucket"],
            "LogFilePrefix": desired["TargetPrefix"],
        }
    },
    "notifications": _notifications,
    "replication": _replication,
}
_LISTED: dict[str, Callable[[Document], Document]] = {
    "intelligent tiering": _tiering,
    "request metrics": metrics_properties,
    "storage class analysis": analysis_properties,
}
_ALONE: dict[str, tuple[str, Callable[[Any], Document]]] = {
    "policy": ("AWS::S3::BucketPolicy", _policy),
    "database": ("AWS::Glue::Database", _database),
    "crawler": ("AWS::Glue::Crawler", _crawler),
    **distribution.DELIVERY_TYPES,
    "athena work group": ("AWS::Athena::WorkGroup", _work_group),
    "lake formation location": ("AWS::LakeFormation::Resource", lake_formation.location_properties),
    "column filter": ("AWS::LakeFormation::DataCellsFilter", lake_formation.filter_properties),
    "grant": ("AWS::LakeFormation::PrincipalPermissions", lake_formation.grant_properties),
    **dict.fromkeys(("storage alarm", "stream alarm"), ("AWS::CloudWatch::Alarm", _alarm)),
    "budget": ("AWS::Budgets::Budget", _budget),
    **STREAM_TYPES,
    "emr serverless application": ("AWS::EMRServerless::Application", application_properties),
    "glue job": ("AWS::Glue::Job", job_properties),
}
