"""The IAM policy of a tenant: list under its own prefixes, read and write there, use its own Glue databases; nothing else.

Known leaks of such policies, and how this policy prevents them:
* `s3:ListBucket` belongs to the bucket, not to objects, and is limited by the prefix the caller asks for. Each allowed
  pattern ends in `tenant=<id>/*`: the slash keeps `tenant=a` from listing `tenant=ab`; a listing without a prefix matches none.
* A copy needs read on its source and write on its target; a presigned address is checked as its signer. Neither needs a rule.
* No condition on encryption headers: a read carries none and would be refused (`StringEquals` on an absent key is false).

Source: IAM JSON policy reference; Service Authorization Reference for Amazon S3 and AWS Glue.
"""

from typing import Any

from lakeworks.core.layout import tenant_prefixes
from lakeworks.core.tenant import Tenant
from lakeworks.permissions.aws_call import On, Purpose
from lakeworks.permissions.aws_calls import actions_for
from lakeworks.permissions.lake_address import LakeAddress

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
# What a run asks of Glue, without the right to make databases: `tenant add` makes the tenant's.
CATALOG_ACTIONS = tuple(sorted(actions_for(Purpose.RUN, On.CATALOG) - {"glue:CreateDatabase"}))
# Where lake.yml declares a work group for the tenant. Athena asks Glue and S3 in the caller's name.
GROUP_ACTIONS = tuple(sorted(actions_for(Purpose.ATHENA, On.WORK_GROUP, "athena")))
_ATHENA_CATALOG = tuple(sorted(actions_for(Purpose.ATHENA, On.CATALOG, "athena") - set(CATALOG_ACTIONS)))


def tenant_policy(tenant: Tenant, lake: LakeAddress) -> dict[str, Any]:
    """Return the identity policy for a tenant's role. It also works as a permissions boundary."""
    prefixes = tenant_prefixes(tenant)
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
            "Resource": _own_tables(tenant, lake),
        },
    ]
    if group := lake.tenant_groups.get(str(tenant)):
        statements += _athena(tenant, lake, group)
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


def _own_tables(tenant: Tenant, lake: LakeAddress) -> list[str]:
    databases = tenant.database("*")
    # `*` crosses slashes: every table of every such database.
    return [lake.glue_arn("catalog"), lake.glue_arn(f"database/{databases}"), lake.glue_arn(f"table/{databases}")]


def _athena(tenant: Tenant, lake: LakeAddress, group: str) -> list[dict[str, Any]]:
    """Return the rights to query in the tenant's work group alone. Its answers are among the tenant's own objects."""
    buckets = {lake.bucket_arn(), *(lake.bucket_arn(f"{layer}/") for layer in lake.layers)}
    return [
        {
            "Sid": "QueryInOwnWorkGroup",
            "Effect": "Allow",
            "Action": list(GROUP_ACTIONS),
            "Resource": lake.arn("athena", f"workgroup/{group}"),
        },
        {
            "Sid": "LetAthenaFindBuckets",
            "Effect": "Allow",
            "Action": "s3:GetBucketLocation",
            "Resource": sorted(buckets),
        },
        {
            "Sid": "LetAthenaFindTables",
            "Effect": "Allow",
            "Action": list(_ATHENA_CATALOG),
            "Resource": _own_tables(tenant, lake),
        },
    ]


def trust_policy(tenant: Tenant, principal_arn: str) -> dict[str, Any]:
    """Return the trust policy of the tenant's role: one principal (Airflow's own role), with the tenant as external id."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal_arn},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": str(tenant)}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
