"""The IAM policy of a tenant: list under its own prefixes, read and write there, use its own Glue databases; nothing else.

Known leaks of such policies, and how this policy prevents them:
* `s3:ListBucket` belongs to the bucket, not to objects, and is limited by the prefix the caller asks for. Each allowed
  pattern ends in `tenant=<id>/*`: the slash keeps `tenant=a` from listing `tenant=ab`; a listing without a prefix matches none.
* A copy needs read on its source and write on its target; a presigned address is checked as its signer. Neither needs a rule.
* No condition on encryption headers: a read carries none and would be refused (`StringEquals` on an absent key is false).

Source: IAM JSON policy reference; Service Authorization Reference for Amazon S3 and AWS Glue.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lakeworks.core.layout import tenant_prefixes
from lakeworks.core.tenant import Tenant

OBJECT_ACTIONS = (
    "s3:GetObject",
    "s3:GetObjectVersion",  # readers pin versions
    "s3:PutObject",
    "s3:DeleteObject",  # keeps the versions, so a rollback can undo everything a tenant does
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)
# Where lake.yml has `object_tags`: without the first, a PUT that brings tags is denied.
TAG_ACTIONS = (
    "s3:PutObjectTagging",
    "s3:GetObjectTagging",
    "s3:PutObjectVersionTagging",
    "s3:GetObjectVersionTagging",
)
LIST_ACTIONS = ("s3:ListBucket", "s3:ListBucketVersions")
CATALOG_ACTIONS = (
    "glue:GetDatabase",
    "glue:GetTable",
    "glue:GetTables",
    "glue:CreateTable",
    "glue:UpdateTable",
    "glue:GetPartition",
    "glue:GetPartitions",
    "glue:BatchGetPartition",
    "glue:BatchCreatePartition",
    "glue:BatchUpdatePartition",
    "glue:DeletePartition",
    "glue:BatchDeletePartition",
)


@dataclass(frozen=True)
class LakeAddress:
    """The lake's address in resource names."""

    bucket: str
    region: str
    account: str
    partition: str = "aws"  # aws-cn, aws-us-gov
    kms_key_arn: str | None = None
    layers: Mapping[str, str] = field(default_factory=dict)  # layers with a bucket of their own
    tags: bool = False  # objects have tags

    def bucket_arn(self, key: str = "") -> str:
        """Return the ARN of the bucket that holds a key or prefix."""
        return f"arn:{self.partition}:s3:::{self.layers.get(key.split('/', 1)[0], self.bucket)}"

    def object_arn(self, key: str) -> str:
        """Return the ARN of an object, or of a pattern of objects."""
        return f"{self.bucket_arn(key)}/{key}"

    def glue_arn(self, resource: str) -> str:
        """Return the ARN of a resource of the Data Catalog."""
        return f"arn:{self.partition}:glue:{self.region}:{self.account}:{resource}"


def tenant_policy(tenant: Tenant, lake: LakeAddress) -> dict[str, Any]:
    """Return the identity policy for a tenant's role. It also works as a permissions boundary."""
    prefixes = tenant_prefixes(tenant)
    databases = tenant.database("*")
    statements: list[dict[str, Any]] = [
        {
            "Sid": "ListOwnPrefixes",
            "Effect": "Allow",
            "Action": list(LIST_ACTIONS),
            "Resource": sorted({lake.bucket_arn(prefix) for prefix in prefixes}),
            "Condition": {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}},
        },
        {
            "Sid": "UseOwnObjects",
            "Effect": "Allow",
            "Action": [*OBJECT_ACTIONS, *(TAG_ACTIONS if lake.tags else ())],
            "Resource": [lake.object_arn(f"{prefix}*") for prefix in prefixes],
        },
        {
            "Sid": "UseOwnTables",
            "Effect": "Allow",
            "Action": list(CATALOG_ACTIONS),
            "Resource": [
                lake.glue_arn("catalog"),
                lake.glue_arn(f"database/{databases}"),
                lake.glue_arn(f"table/{databases}"),  # `*` crosses slashes: every table of every such database
            ],
        },
    ]
    if lake.kms_key_arn:
        statements.append(
            {
                "Sid": "UseTheLakesKey",
                "Effect": "Allow",
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Resource": lake.kms_key_arn,
            }
        )
    return {"Version": "2012-10-17", "Statement": statements}


def trust_policy(tenant: Tenant, principal_arn: str) -> dict[str, Any]:
    """Return the trust policy of the tenant's role: one principal (Airflow's own role), with the tenant as external id."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal_arn},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": str(tenant)}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
