"""Streams and their tables in both formats. Neither export deletes them: records and checkpoints are in no other place."""

from typing import Any

from lakeworks.infrastructure.resource import Document, Resource


def stream_properties(resource: Any) -> Document:
    """Return CloudFormation's properties of a stream."""
    desired = resource.desired()
    encryption = (
        {"StreamEncryption": {"EncryptionType": "KMS", "KeyId": desired["KmsKeyId"]}} if desired["KmsKeyId"] else {}
    )
    return {
        "Name": resource.name,
        "StreamModeDetails": {"StreamMode": desired["Mode"]},
        **({"ShardCount": desired["Shards"]} if "Shards" in desired else {}),
        "RetentionPeriodHours": desired["RetentionHours"],
        **encryption,
        "Tags": [{"Key": "made-by", "Value": desired["MadeBy"]}],
    }


def table_properties(resource: Resource) -> Document:
    """Return CloudFormation's properties of a table."""
    desired = resource.desired()
    kinds = zip(desired["Keys"], ("HASH", "RANGE"), strict=True)
    expiry = {"TimeToLiveSpecification": {"AttributeName": desired["ExpiresBy"], "Enabled": True}}
    return {
        "TableName": resource.name,
        "BillingMode": desired["BillingMode"],
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in kinds],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in desired["Keys"]],
        **(expiry if desired["ExpiresBy"] else {}),
    }


def terraform_stream(resource: Resource, desired: Document) -> Document:
    """Return Terraform's arguments of a stream."""
    encryption = {"encryption_type": "KMS", "kms_key_id": desired["KmsKeyId"]} if desired["KmsKeyId"] else {}
    return {
        "name": resource.name,
        "stream_mode_details": {"stream_mode": desired["Mode"]},
        **({"shard_count": desired["Shards"]} if "Shards" in desired else {}),
        "retention_period": desired["RetentionHours"],
        **encryption,
        "tags": {"made-by": desired["MadeBy"]},
    }


def terraform_table(resource: Resource, desired: Document) -> Document:
    """Return Terraform's arguments of a table."""
    hash_key, range_key = desired["Keys"]
    expiry = {"ttl": {"attribute_name": desired["ExpiresBy"], "enabled": True}} if desired["ExpiresBy"] else {}
    return {
        "name": resource.name,
        "billing_mode": desired["BillingMode"],
        "hash_key": hash_key,
        "range_key": range_key,
        "attribute": [{"name": name, "type": "S"} for name in desired["Keys"]],
        **expiry,
    }


STREAM_TYPES = {
    "stream": ("AWS::Kinesis::Stream", stream_properties),
    "stream table": ("AWS::DynamoDB::Table", table_properties),
}
TERRAFORM_STREAMS = {
    "stream": ("aws_kinesis_stream", terraform_stream),
    "stream table": ("aws_dynamodb_table", terraform_table),
}
