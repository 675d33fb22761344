"""Refusal of replicas: a statement of the bucket policy that stops S3 from replicating into a primary.

Without it, what the former primary published late would still arrive over the keys of the new one.
"""

from typing import Any

from lakeworks.aws_errors import error_code, translated
from lakeworks.errors import LakeError, LakeUnavailable
from lakeworks.infrastructure.aws_partition import partition_of
from lakeworks.infrastructure.confirmation import confirmation_of
from lakeworks.infrastructure.resource import Document
from lakeworks.infrastructure.resources.bucket_policy import BucketPolicy
from lakeworks.infrastructure.resources.replication import REFUSAL_SID

_ACTIONS = ["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"]


def refuse_replicas(s3: Any, bucket: str, region: str) -> bool:
    """Let no S3 replication write into a bucket; return False if it was refused before.

    Raises:
        LakeUnavailable: the policy was accepted and is not in force yet; run again.
    """
    statement = {
        "Sid": REFUSAL_SID, "Effect": "Deny", "Principal": "*", "Action": _ACTIONS,
        "Resource": [f"arn:{partition_of(region)}:s3:::{bucket}/*"],
    }  # fmt: skip
    return _set(s3, bucket, {REFUSAL_SID: statement})


def admit_replicas(s3: Any, bucket: str) -> bool:
    """Let S3 replication write into a bucket again; return False if it was admitted before."""
    return _set(s3, bucket, {})


def are_replicas_refused(s3: Any, bucket: str) -> bool:
    """Return True if the statement is in the bucket's policy."""
    return REFUSAL_SID in _statements(s3, bucket)


def _set(s3: Any, bucket: str, wanted: Document) -> bool:
    current = _statements(s3, bucket)
    if (REFUSAL_SID in current) == (REFUSAL_SID in wanted):
        return False
    others = {sid: statement for sid, statement in current.items() if sid != REFUSAL_SID}
    target = {**others, **wanted}
    with translated("set the policy of", bucket):
        if target:
            BucketPolicy(bucket).write(s3, target)
        else:
            s3.delete_bucket_policy(Bucket=bucket)
    kept = confirmation_of(s3).await_match(
        lambda: _statements(s3, bucket), lambda found: (REFUSAL_SID in found) == (REFUSAL_SID in wanted)
    )
    if kept is None or (REFUSAL_SID in kept) != (REFUSAL_SID in wanted):
        raise LakeUnavailable(
            f"`s3://{bucket}`: S3 accepted the bucket policy and does not answer with it. No publication was changed. Run "
            "again."
        )
    return True


def _statements(s3: Any, bucket: str) -> Document:
    try:
        with translated("read the policy of", bucket):
            return BucketPolicy(bucket).read(s3) or {}
    except LakeError as error:
        if error_code(error) != "NoSuchBucketPolicy":
            raise
        return {}
