"""Resources as a Terraform configuration in JSON syntax (argument names: the AWS provider's documentation, 5.x)."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from lakeworks.infrastructure.export import deliveries, distribution, inbox_queue, lake_formation, lf_tags
from lakeworks.infrastructure.export.prefix_reports import MANY_A_BUCKET, terraform_analysis, terraform_metrics
from lakeworks.infrastructure.export.spark import terraform_application, terraform_job
from lakeworks.infrastructure.export.streams import TERRAFORM_STREAMS
from lakeworks.infrastructure.resource import Document, Resource


def configuration(resources: Sequence[Resource], region: str) -> Document:
    """Return every resource. One in another region uses a provider alias with that region's name."""
    document: dict[str, Document] = defaultdict(dict)
    others = {resource.region for resource in resources if resource.region and resource.kind != "budget"}
    for resource in resources:
        for kind, body in _translated(resource):
            label = _label(f"{resource.name}_{body['name']}" if resource.kind in MANY_A_BUCKET else resource.name)
            alias = (
                {"provider": f"aws.{_label(resource.region)}"} if resource.region in others and resource.region else {}
            )
            document[kind][label] = {**document[kind].get(label, {}), **alias, **body}
    inbox_queue.add_to_configuration(document, resources, _label)
    deliveries.add_to_configuration(document, resources, _label)
    distribution.admit_in_configuration(document, resources, _label)
    lake_formation.order_configuration(document, resources, _label)
    lf_tags.add_to_configuration(document, resources, _label)
    providers: list[Document] = [{"region": region}]
    providers += [{"alias": _label(other), "region": other} for other in sorted(others)]
    return {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws", "version": "~> 5.80"}}},
        "provider": {"aws": providers},
        "resource": dict(document),
    }


def _label(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def _translated(resource: Resource) -> list[tuple[str, Document]]:
    if resource.kind not in _KINDS:
        return []
    kind, body = _KINDS[resource.kind]
    return [(kind, body(resource, resource.desired()))]


def _on(bucket: str) -> str:
    """Return a reference, so that Terraform orders the two."""
    return f"${{aws_s3_bucket.{_label(bucket)}.id}}"


def _bucket(_: Resource, desired: Document) -> Document:
    return {"bucket": desired["Name"], "lifecycle": {"prevent_destroy": True}}


def _encryption(resource: Resource, desired: Document) -> Document:
    default = {"sse_algorithm": desired["SSEAlgorithm"]}
    if "KMSMasterKeyID" in desired:
        default["kms_master_key_id"] = desired["KMSMasterKeyID"]
    rule = {
        "apply_server_side_encryption_by_default": default,
        "bucket_key_enabled": desired.get("BucketKeyEnabled", False),
    }
    return {"bucket": _on(resource.name), "rule": rule}


def _public_access(resource: Resource, desired: Document) -> Document:
    return {"bucket": _on(resource.name), **{_snake(key): value for key, value in desired.items()}}


def _lifecycle(resource: Resource, desired: Document) -> Document:
    return {"bucket": _on(resource.name), "rule": [_rule(rule) for rule in desired.values()]}


def _rule(rule: Document) -> Document:
    document: Document = {"id": rule["ID"], "status": rule["Status"], "filter": {"prefix": rule["Filter"]["Prefix"]}}
    if "Transitions" in rule:
        document["transition"] = [
            {"days": move["Days"], "storage_class": move["StorageClass"]} for move in rule["Transitions"]
        ]
    for key in ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if key in rule:
            document[_snake(key)] = {_snake(name): value for name, value in rule[key].items()}
    return document


def _tiering(resource: Resource, desired: Document) -> Document:
    where = {"filter": {"prefix": desired["Filter"]["Prefix"]}} if "Filter" in desired else {}
    tiers = [{"access_tier": tier["AccessTier"], "days": tier["Days"]} for tier in desired["Tierings"]]
    return {"bucket": _on(resource.name), "name": desired["Id"], **where, "tiering": tiers}


def _inventory(resource: Resource, desired: Document) -> Document:
    to = desired["Destination"]["S3BucketDestination"]
    bucket = {"bucket_arn": to["Bucket"], "format": to["Format"], "prefix": to["Prefix"]}
    if "AccountId" in to:
        bucket["account_id"] = to["AccountId"]
    return {
        "bucket": _on(resource.name),
        "name": desired["Id"],
        "included_object_versions": desired["IncludedObjectVersions"],
        "optional_fields": desired["OptionalFields"],
        "schedule": {"frequency": desired["Schedule"]["Frequency"]},
        "destination": {"bucket": bucket},
    }


def _notifications(resource: Resource, desired: Document) -> Document:
    kinds = {
        "sqs": ("queue", "queue_arn"),
        "sns": ("topic", "topic_arn"),
        "lambda": ("lambda_function", "lambda_function_arn"),
    }
    document: Document = {"bucket": _on(resource.name)}
    for name, entry in desired.items():
        if "To" not in entry:
            document["eventbridge"] = True
            continue
        member, target = kinds[entry["To"].split(":")[2]]
        where = {f"filter_{key.lower()}": entry[key] for key in ("Prefix", "Suffix") if key in entry}
        document.setdefault(member, []).append({"id": name, target: entry["To"], "events": entry["Events"], **where})
    return document


def _replication(resource: Resource, desired: Document) -> Document:
    rules = []
    for rule in (value for key, value in desired.items() if key != "Role"):
        destination = {"bucket": rule["Destination"]["Bucket"], "storage_class": rule["Destination"]["StorageClass"]}
        if key := rule["Destination"].get("EncryptionConfiguration"):
            destination["encryption_configuration"] = {"replica_kms_key_id": key["ReplicaKmsKeyID"]}
        document = {
            "id": rule["ID"], "priority": rule["Priority"], "status": rule["Status"],
            "filter": {"prefix": rule["Filter"]["Prefix"]},
            "delete_marker_replication": {"status": rule["DeleteMarkerReplication"]["Status"]}, "destination": destination,
        }  # fmt: skip
        if "SourceSelectionCriteria" in rule:
            document["source_selection_criteria"] = {"sse_kms_encrypted_objects": {"status": "Enabled"}}
        rules.append(document)
    ordered = [f"aws_s3_bucket_versioning.{_label(resource.name)}"]  # S3 refuses replication without versions
    return {"bucket": _on(resource.name), "role": desired["Role"], "rule": rules, "depends_on": ordered}


def _policy(resource: Resource, desired: Document) -> Document:
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(desired.values())})
    return {"bucket": _on(resource.name), "policy": policy}


def _work_group(resource: Resource, desired: Document) -> Document:
    encryption = {"encryption_option": desired["EncryptionConfiguration"]["EncryptionOption"]}
    if "KmsKey" in desired["EncryptionConfiguration"]:
        encryption["kms_key_arn"] = desired["EncryptionConfiguration"]["KmsKey"]
    return {
        "name": resource.name,
        "description": desired["Description"],
        "configuration": {
            "enforce_workgroup_configuration": desired["EnforceWorkGroupConfiguration"],
            "publish_cloudwatch_metrics_enabled": desired["PublishCloudWatchMetricsEnabled"],
            "bytes_scanned_cutoff_per_query": desired["BytesScannedCutoffPerQuery"],
            "result_configuration": {
                "output_location": desired["OutputLocation"],
                "encryption_configuration": encryption,
            },
        },
    }


def _crawler(resource: Resource, desired: Document) -> Document:
    schedule = {"schedule": desired["Schedule"]} if "Schedule" in desired else {}
    return {
        "name": resource.name, "description": desired["Description"], "role": desired["Role"],
        "database_name": desired["DatabaseName"], "s3_target": {"path": desired["Path"]},
        "schema_change_policy": {"update_behavior": "UPDATE_IN_DATABASE", "delete_behavior": "LOG"}, **schedule,
    }  # fmt: skip


def _alarm(resource: Resource, desired: Document) -> Document:
    document = {_snake(key): value for key, value in desired.items() if key not in ("Dimensions", "TreatMissingData")}
    dimensions = {item["Name"]: item["Value"] for item in desired["Dimensions"]}
    return {
        "alarm_name": resource.name,
        **document,
        "dimensions": dimensions,
        "treat_missing_data": desired["TreatMissingData"],
    }


def _budget(resource: Resource, desired: Document) -> Document:
    filters = [{"name": name, "values": values} for name, values in desired.get("CostFilters", {}).items()]
    return {
        "name": resource.name, "budget_type": desired["BudgetType"], "limit_amount": f"{desired['Amount']:g}",
        "limit_unit": desired["Unit"], "time_unit": desired["TimeUnit"], **({"cost_filter": filters} if filters else {}),
        "notification": {
            "notification_type": "ACTUAL", "comparison_operator": "GREATER_THAN", "threshold_type": "PERCENTAGE",
            "threshold": desired["AlertAtPercent"], "subscriber_email_addresses": desired["Emails"],
        },
    }  # fmt: skip


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


_Body = Callable[[Any, Document], Document]
_KINDS: dict[str, tuple[str, _Body]] = {
    "bucket": ("aws_s3_bucket", _bucket),
    "tags": ("aws_s3_bucket", lambda _, desired: {"tags": desired}),
    "versioning": (
        "aws_s3_bucket_versioning",
        lambda of, desired: {"bucket": _on(of.name), "versioning_configuration": {"status": desired["Status"]}},
    ),
    "encryption": ("aws_s3_bucket_server_side_encryption_configuration", _encryption),
    "public access block": ("aws_s3_bucket_public_access_block", _public_access),
    "ownership": (
        "aws_s3_bucket_ownership_controls",
        lambda of, desired: {"bucket": _on(of.name), "rule": {"object_ownership": desired["ObjectOwnership"]}},
    ),
    "policy": ("aws_s3_bucket_policy", _policy),
    "lifecycle": ("aws_s3_bucket_lifecycle_configuration", _lifecycle),
    "intelligent tiering": ("aws_s3_bucket_intelligent_tiering_configuration", _tiering),
    "inventory": ("aws_s3_bucket_inventory", _inventory),
    "request metrics": ("aws_s3_bucket_metric", terraform_metrics),
    "storage class analysis": ("aws_s3_bucket_analytics_configuration", terraform_analysis),
    "access logging": (
        "aws_s3_bucket_logging",
        lambda of, desired: {
            "bucket": _on(of.name),
            "target_bucket": _on(desired["TargetBucket"]),
            "target_prefix": desired["TargetPrefix"],
        },
    ),
    "notifications": ("aws_s3_bucket_notification", _notifications),
    "replication": ("aws_s3_bucket_replication_configuration", _replication),
    "database": ("aws_glue_catalog_database", lambda _, desired: {"name": desired["Name"]}),
    "crawler": ("aws_glue_crawler", _crawler),
    **distribution.TERRAFORM_DELIVERY,
    "athena work group": ("aws_athena_workgroup", _work_group),
    "lake formation location": ("aws_lakeformation_resource", lake_formation.terraform_location),
    "column filter": ("aws_lakeformation_data_cells_filter", lake_formation.terraform_filter),
    "grant": ("aws_lakeformation_permissions", lake_formation.terraform_grant),
    **dict.fromkeys(("storage alarm", "stream alarm"), ("aws_cloudwatch_metric_alarm", _alarm)),
    "budget": ("aws_budgets_budget", _budget),
    **TERRAFORM_STREAMS,
    "emr serverless application": ("aws_emrserverless_application", terraform_application),
    "glue job": ("aws_glue_job", terraform_job),
}
