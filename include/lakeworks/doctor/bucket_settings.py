"""Check of a bucket's settings that bootstrap never makes, and that change what a lake can do there."""

from typing import Any

from lakeworks.aws_errors import translated
from lakeworks.doctor.health_check import Diagnosis
from lakeworks.errors import LakeAccessDenied, LakeError, LakeNotFound


def foreign_settings(s3: Any, bucket: str, *, is_aws: bool) -> Diagnosis:
    """Look for Object Lock, Requester Pays and MFA delete.

    Raises:
        LakeError: AWS does not say.
    """
    found = [*_retention(s3, bucket, is_aws=is_aws), *_payer(s3, bucket, is_aws=is_aws), *_mfa_delete(s3, bucket)]
    if not found:
        return Diagnosis("ok", "no Object Lock, Requester Pays or MFA delete")
    return Diagnosis("warning", "; ".join(detail for detail, _ in found), " ".join(remedy for _, remedy in found))


def _retention(s3: Any, bucket: str, *, is_aws: bool) -> list[tuple[str, str]]:
    try:
        with translated("read the Object Lock of", bucket):
            lock = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    except LakeNotFound:
        return []
    except LakeError as error:
        return _unsaid(error, is_aws=is_aws)
    retention = lock.get("Rule", {}).get("DefaultRetention")
    if not retention:
        return []
    period = f"{retention['Days']} days" if "Days" in retention else f"{retention['Years']} years"
    return [
        (
            f"Object Lock keeps every version for {period} ({retention['Mode']}): expiry, garbage collection, compaction and "
            "`bucket delete --force` remove none before, and each rebuild is paid for until then",
            "Count that storage in, or take the bucket's default retention away.",
        )
    ]


def _payer(s3: Any, bucket: str, *, is_aws: bool) -> list[tuple[str, str]]:
    try:
        with translated("read the payer of requests to", bucket):
            payer = s3.get_bucket_request_payment(Bucket=bucket).get("Payer", "BucketOwner")
    except LakeError as error:
        return _unsaid(error, is_aws=is_aws)
    if payer != "Requester":
        return []
    return [
        (
            "Requester Pays: S3 denies every request of another account that does not offer to pay, and lakeworks, Athena's "
            "and Spark's usual settings do not offer it",
            "Read and write with roles of the bucket's own account, or let the bucket's owner pay.",
        )
    ]


def _mfa_delete(s3: Any, bucket: str) -> list[tuple[str, str]]:
    with translated("read the versioning of", bucket):
        if s3.get_bucket_versioning(Bucket=bucket).get("MFADelete") != "Enabled":
            return []
    return [
        (
            "MFA delete: no role can delete a version, so dev lakes, releases and trials leave theirs until lifecycle removes "
            "them",
            "Only the account's root user can switch it off.",
        )
    ]


def _unsaid(error: LakeError, *, is_aws: bool) -> list[tuple[str, str]]:
    """Pass over a question that an emulator does not know. AWS answers it, or refuses it by a permission."""
    if is_aws or isinstance(error, LakeAccessDenied):
        raise error
    return []
