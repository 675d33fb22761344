"""Resources as a Terraform configuration in JSON syntax (argument names: the AWS provider's documentation, 5.x)."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from lakeworks.infrastructure.export.inbox_queue import add_to_configuration
from lakeworks.infrastructure.export.streams import terraform_stream, terraform_table
from lakeworks.infrastructure.resource import Document, Resource


def configuration(resources: Sequence[Resource], region: str) -> Document:
    """Return every resource. One in another region uses a provider alias with that region's name."""
    found: dict[str, Document] = defaultdict(dict)
    others = {resource.region for resource in resources if resource.region and resource.kind != "budget"}
    for resource in resources:
        for kind, body in _translated(resource):
            label = _label(
                f"{resource.name}_{body['name']}" if resource.kind == "intelligent tiering" else resource.name
            )
            alias = (
                {"provider": f"aws.{_label(resource.region)}"} if resource.region in others and resource.region else {}
            )
            found[kind][label] = {**found[kind].get(label, {}), **alias, **body}
    add_to_configuration(found, resources, _label)
    providers: list[Document] = [{"region": region}]
    providers += [{"alias": _label(other), "region": other} for other in sorted(others)]
    return {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws", "version": "~> 5.80"}}},
        "provider": {"aws": providers},
        "resource": dict(found),
    }


def _label(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def _translated(resource: Resource) -> list[tuple[str, Document]]:
    if resource.kind not in _KINDS:
        return []
    kind, body = _KINDS[resource.kind]
    return [(kind, body(resource, resource.wanted()))]


def _on(bucket: str) -> str:
    """Return a reference, so that Terraform orders the two."""
    return f"${{aws_s3_bucket.{_label(bucket)}.id}}"


def _bucket(_: Resource, wanted: Document) -> Document:
    return {"bucket": wanted["Name"], "lifecycle": {"prevent_destroy": True}}


def _encryption(resource: Resource, wanted: Document) -> Document:
    default = {"sse_algorithm": wanted["SSEAlgorithm"]}
    if "KMSMasterKeyID" in wanted:
        default["kms_master_key_id"] = wanted["KMSMasterKeyID"]
    rule = {
        "apply_server_side_encryption_by_default": default,
        "bucket_key_enabled": wanted.get("BucketKeyEnabled", False),
    }
    return {"bucket": _on(resource.name), "rule": rule}


def _public_access(resource: Resource, wanted: Document) -> Document:
    return {"bucket": _on(resource.name), **{_snake(key): value for key, value in wanted.items()}}


def _lifecycle(resource: Resource, wanted: Document) -> Document:
    return {"bucket": _on(resource.name), "rule": [_rule(rule) for rule in wanted.values()]}


def _rule(rule: Document) -> Document:
    found: Document = {"id": rule["ID"], "status": rule["Status"], "filter": {"prefix": rule["Filter"]["Prefix"]}}
    if "Transitions" in rule:
        found["transition"] = [
            {"days": move["Days"], "storage_class": move["StorageClass"]} for move in rule["Transitions"]
        ]
    for key in ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if key in rule:
            found[_snake(key)] = {_snake(name): value for name, value in rule[key].items()}
    return found


def _tiering(resource: Resource, wanted: Document) -> Document:
    where = {"filter": {"prefix": wanted["Filter"]["Prefix"]}} if "Filter" in wanted else {}
    tiers = [{"access_tier": tier["AccessTier"], "days": tier["Days"]} for tier in wanted["Tierings"]]
    return {"bucket": _on(resource.name), "name": wanted["Id"], **where, "tiering": tiers}


def _inventory(resource: Resource, wanted: Document) -> Document:
    to = wanted["Destination"]["S3BucketDestination"]
    bucket = {"bucket_arn": to["Bucket"], "format": to["Format"], "prefix": to["Prefix"]}
    if "AccountId" in to:
        bucket["account_id"] = to["AccountId"]
    return {
        "bucket": _on(resource.name),
        "name": wanted["Id"],
        "included_object_versions": wanted["IncludedObjectVersions"],
        "optional_fields": wanted["OptionalFields"],
        "schedule": {"frequency": wanted["Schedule"]["Frequency"]},
        "destination": {"bucket": bucket},
    }


def _notifications(resource: Resource, wanted: Document) -> Document:
    kinds = {
        "sqs": ("queue", "queue_arn"),
        "sns": ("topic", "topic_arn"),
        "lambda": ("lambda_function", "lambda_function_arn"),
    }
    found: Document = {"bucket": _on(resource.name)}
    for name, entry in wanted.items():
        if "To" not in entry:
            found["eventbridge"] = True
            continue
        member, target = kinds[entry["To"].split(":")[2]]
        where = {f"filter_{key.lower()}": entry[key] for key in ("Prefix", "Suffix") if key in entry}
        found.setdefault(member, []).append({"id": name, target: entry["To"], "events": entry["Events"], **where})
    return found


def _replication(resource: Resource, wanted: Document) -> Document:
    rules = []
    for rule in (value for key, value in wanted.items() if key != "Role"):
        destination = {"bucket": rule["Destination"]["Bucket"], "storage_class": rule["Destination"]["StorageClass"]}
        if key := rule["Destination"].get("EncryptionConfiguration"):
            destination["encryption_configuration"] = {"replica_kms_key_id": key["ReplicaKmsKeyID"]}
        found = {
            "id": rule["ID"], "priority": rule["Priority"], "status": rule["Status"],
            "filter": {"prefix": rule["Filter"]["Prefix"]},
            "delete_marker_replication": {"status": rule["DeleteMarkerReplication"]["Status"]}, "destination": destination,
        }  # fmt: skip
        if "SourceSelectionCriteria" in rule:
            found["source_selection_criteria"] = {"sse_kms_encrypted_objects": {"status": "Enabled"}}
        rules.append(found)
    ordered = [f"aws_s3_bucket_versioning.{_label(resource.name)}"]  # S3 refuses replication without versions
    return {"bucket": _on(resource.name), "role": wanted["Role"], "rule": rules, "depends_on": ordered}


def _policy(resource: Resource, wanted: Document) -> Document:
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(wanted.values())})
    return {"bucket": _on(resource.name), "policy": policy}


def _work_group(resource: Resource, wanted: Document) -> Document:
    encryption = {"encryption_option": wanted["EncryptionConfiguration"]["EncryptionOption"]}
    if "KmsKey" in wanted["EncryptionConfiguration"]:
        encryption["kms_key_arn"] = wanted["EncryptionConfiguration"]["KmsKey"]
    return {
        "name": resource.name,
        "description": wanted["Description"],
        "configuration": {
            "enforce_workgroup_configuration": wanted["EnforceWorkGroupConfiguration"],
            "publish_cloudwatch_metrics_enabled": wanted["PublishCloudWatchMetricsEnabled"],
            "bytes_scanned_cutoff_per_query": wanted["BytesScannedCutoffPerQuery"],
            "result_configuration": {
                "output_location": wanted["OutputLocation"],
                "encryption_configuration": encryption,
            },
        },
    }


def _crawler(resource: Resource, wanted: Document) -> Document:
    schedule = {"schedule": wanted["Schedule"]} if "Schedule" in wanted else {}
    return {
        "name": resource.name, "description": wanted["Description"], "role": wanted["Role"],
        "database_name": wanted["DatabaseName"], "s3_target": {"path": wanted["Path"]},
        "schema_change_policy": {"update_behavior": "UPDATE_IN_DATABASE", "delete_behavior": "LOG"}, **schedule,
    }  # fmt: skip


def _grant(resource: Any, wanted: Document) -> Document:
    grant = resource.grant
    table = {"table": {"database_name": grant.database, "name": grant.table}}
    where = table if grant.table else {"database": {"name": grant.database}}
    return {"principal": grant.principal, "permissions": sorted(wanted), **where}


def _alarm(resource: Resource, wanted: Document) -> Document:
    found = {_snake(key): value for key, value in wanted.items() if key not in ("Dimensions", "TreatMissingData")}
    dimensions = {item["Name"]: item["Value"] for item in wanted["Dimensions"]}
    return {
        "alarm_name": resource.name,
        **found,
        "dimensions": dimensions,
        "treat_missing_data": wanted["TreatMissingData"],
    }


def _budget(resource: Resource, wanted: Document) -> Document:
    filters = [{"name": name, "values": values} for name, values in wanted.get("CostFilters", {}).items()]
    return {
        "name": resource.name, "budget_type": wanted["BudgetType"], "limit_amount": f"{wanted['Amount']:g}",
        "limit_unit": wanted["Unit"], "time_unit": wanted["TimeUnit"], **({"cost_filter": filters} if filters else {}),
        "notification": {
            "notification_type": "ACTUAL", "comparison_operator": "GREATER_THAN", "threshold_type": "PERCENTAGE",
            "threshold": wanted["AlertAtPercent"], "subscriber_email_addresses": wanted["Emails"],
        },
    }  # fmt: skip


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


_Body = Callable[[Any, Document], Document]
_KINDS: dict[str, tuple[str, _Body]] = {
    "bucket": ("aws_s3_bucket", _bucket),
    "tags": ("aws_s3_bucket", lambda _, wanted: {"tags": wanted}),
    "versioning": (
        "aws_s3_bucket_versioning",
        lambda of, wanted: {"bucket": _on(of.name), "versioning_configuration": {"status": wanted["Status"]}},
    ),
    "encryption": ("aws_s3_bucket_server_side_encryption_configuration", _encryption),
    "public access block": ("aws_s3_bucket_public_access_block", _public_access),
    "ownership": (
        "aws_s3_bucket_ownership_controls",
        lambda of, wanted: {"bucket": _on(of.name), "rule": {"object_ownership": wanted["ObjectOwnership"]}},
    ),
    "policy": ("aws_s3_bucket_policy", _policy),
    "lifecycle": ("aws_s3_bucket_lifecycle_configuration", _lifecycle),
    "intelligent tiering": ("aws_s3_bucket_intelligent_tiering_configuration", _tiering),
    "inventory": ("aws_s3_bucket_inventory", _inventory),
    "access logging": (
        "aws_s3_bucket_logging",
        lambda of, wanted: {
            "bucket": _on(of.name),
            "target_bucket": _on(wanted["TargetBucket"]),
            "target_prefix": wanted["TargetPrefix"],
        },
    ),
    "notifications": ("aws_s3_bucket_notification", _notifications),
    "replication": ("aws_s3_bucket_replication_configuration", _replication),
    "database": ("aws_glue_catalog_database", lambda _, wanted: {"name": wanted["Name"]}),
    "crawler": ("aws_glue_crawler", _crawler),
    "athena work group": ("aws_athena_workgroup", _work_group),
    "grant": ("aws_lakeformation_permissions", _grant),
    "storage alarm": ("aws_cloudwatch_metric_alarm", _alarm),
    "budget": ("aws_budgets_budget", _budget),
    "stream": ("aws_kinesis_stream", terraform_stream),
    "stream table": ("aws_dynamodb_table", terraform_table),
}
