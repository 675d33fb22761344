"""Streams and their tables in both formats. Neither export deletes them: records and checkpoints are in no other place."""

from typing import Any

from lakeworks.infrastructure.resource import Document, Resource


def stream_properties(resource: Any) -> Document:
    """Return CloudFormation's properties of a stream."""
    wanted = resource.wanted()
    encryption = (
        {"StreamEncryption": {"EncryptionType": "KMS", "KeyId": wanted["KmsKeyId"]}} if wanted["KmsKeyId"] else {}
    )
    return {
        "Name": resource.name,
        "StreamModeDetails": {"StreamMode": wanted["Mode"]},
        **({"ShardCount": wanted["Shards"]} if "Shards" in wanted else {}),
        "RetentionPeriodHours": wanted["RetentionHours"],
        **encryption,
        "Tags": [{"Key": "made-by", "Value": wanted["MadeBy"]}],
    }


def table_properties(resource: Resource) -> Document:
    """Return CloudFormation's properties of a table."""
    wanted = resource.wanted()
    kinds = zip(wanted["Keys"], ("HASH", "RANGE"), strict=True)
    expiry = {"TimeToLiveSpecification": {"AttributeName": wanted["ExpiresBy"], "Enabled": True}}
    return {
        "TableName": resource.name,
        "BillingMode": wanted["BillingMode"],
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in kinds],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in wanted["Keys"]],
        **(expiry if wanted["ExpiresBy"] else {}),
    }


def terraform_stream(resource: Resource, wanted: Document) -> Document:
    """Return Terraform's arguments of a stream."""
    encryption = {"encryption_type": "KMS", "kms_key_id": wanted["KmsKeyId"]} if wanted["KmsKeyId"] else {}
    return {
        "name": resource.name,
        "stream_mode_details": {"stream_mode": wanted["Mode"]},
        **({"shard_count": wanted["Shards"]} if "Shards" in wanted else {}),
        "retention_period": wanted["RetentionHours"],
        **encryption,
        "tags": {"made-by": wanted["MadeBy"]},
    }


def terraform_table(resource: Resource, wanted: Document) -> Document:
    """Return Terraform's arguments of a table."""
    hash_key, range_key = wanted["Keys"]
    expiry = {"ttl": {"attribute_name": wanted["ExpiresBy"], "enabled": True}} if wanted["ExpiresBy"] else {}
    return {
        "name": resource.name,
        "billing_mode": wanted["BillingMode"],
        "hash_key": hash_key,
        "range_key": range_key,
        "attribute": [{"name": name, "type": "S"} for name in wanted["Keys"]],
        **expiry,
    }
