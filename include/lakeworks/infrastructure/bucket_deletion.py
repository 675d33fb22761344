"""Listing and deleting buckets. Only a bucket that bootstrap made is deleted, and a bucket with objects only on request."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakeworks.aws_errors import error_code, is_nobody, translated
from lakeworks.errors import ConfigError, LakeAccessDenied, LakeError, LakeNotFound, LakeUnavailable

_BATCH = 1000  # keys a DeleteObjects call; S3's own limit


@dataclass(frozen=True)
class BucketEntry:
    """A bucket of the account. `ours` is None if the bucket refuses to say; then `note` has the reason."""

    name: str
    created: datetime
    ours: bool | None
    note: str = ""


# S3's answers about a bucket of a region that boto3 could not be redirected to.
_ELSEWHERE = {"301", "PermanentRedirect", "IllegalLocationConstraintException", "AuthorizationHeaderMalformed"}


def list_buckets(s3: Any) -> list[BucketEntry]:
    """Return every bucket that the credentials see, and whether it has our tag.

    Raises:
        LakeAccessDenied, CredentialsExpired: the credentials may not list buckets, or AWS does not know them.
    """
    with translated("list", "the account's buckets"):
        buckets = s3.list_buckets()["Buckets"]
    return [_entry(s3, item["Name"], item["CreationDate"]) for item in buckets]


def _entry(s3: Any, bucket: str, created: datetime) -> BucketEntry:
    """Return a bucket's entry. Buckets of other teams often refuse their tags: this ends no listing."""
    try:
        return BucketEntry(bucket, created, is_ours(s3, bucket))
    except LakeError as error:
        if is_nobody(error):
            raise
        return BucketEntry(bucket, created, None, _reason(error))


def _reason(error: LakeError) -> str:
    """Return in a few words why a bucket does not show its tags."""
    if isinstance(error, LakeAccessDenied):
        return "denied: s3:GetBucketTagging"
    code = error_code(error)
    return "in another region, which does not answer here" if code in _ELSEWHERE else code or str(error)


def policy_of(s3: Any, bucket: str) -> dict[str, Any]:
    """Return the policy that is in force on a bucket.

    Raises:
        LakeNotFound: there is no such bucket, or it has no policy.
        LakeAccessDenied: the bucket refuses to show it.
    """
    try:
        with translated("read the policy of", bucket):
            return dict(json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]))
    except LakeNotFound as error:
        if error_code(error) != "NoSuchBucketPolicy":
            raise
        raise LakeNotFound(f"`{bucket}` has no policy. Set the lake's: lakeworks bootstrap") from error


def is_ours(s3: Any, bucket: str) -> bool:
    """Return True if the bucket is tagged `managed-by: lakeworks`."""
    try:
        with translated("read the tags of", bucket):
            tags = s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    except LakeNotFound:
        return False
    return {"Key": "managed-by", "Value": "lakeworks"} in tags


def delete_bucket(s3: Any, bucket: str, *, force: bool = False) -> int:
    """Delete a bucket that bootstrap made; return the number of deleted objects, versions and delete markers.

    Raises:
        LakeNotFound: there is no such bucket.
        ConfigError: bootstrap did not make it, or it is not empty and `force` is not given; nothing was deleted.
        LakeUnavailable: S3 refused some deletions. The bucket and the refused objects remain; run again.
    """
    with translated("look at the bucket", bucket):
        s3.head_bucket(Bucket=bucket)
    if not is_ours(s3, bucket):
        raise ConfigError(
            f"`{bucket}` has no tag managed-by=lakeworks, so bootstrap did not create it. Nothing was deleted. "
            "Delete it in the AWS console."
        )
    first = next(_versions(s3, bucket), [])
    if first and not force:
        raise ConfigError(
            f"`{bucket}` holds objects or old versions ({first[0]['Key']} and others). Nothing was deleted. To "
            "delete all of it permanently, add --force."
        )
    gone = sum(_delete(s3, bucket, batch) for batch in _versions(s3, bucket))
    _abort_uploads(s3, bucket)
    with translated("delete the bucket", bucket):
        s3.delete_bucket(Bucket=bucket)
    return gone


def _versions(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:
    """Yield object versions and delete markers, in batches; a plain object is a version called `null`."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": _BATCH})
    with translated("list the versions of", bucket):
        for page in pages:
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if versions:
                yield [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in versions]


def _delete(s3: Any, bucket: str, batch: list[dict[str, str]]) -> int:
    with translated("delete from", bucket):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
    if errors := answer.get("Errors"):
        raise LakeUnavailable(
            f"{len(errors)} of {len(batch)} versions in `{bucket}` were not deleted, first "
            f"`{errors[0].get('Key')}`: {errors[0].get('Code')} {errors[0].get('Message')}. The bucket remains. "
            "Run again."
        )
    return len(batch)


def _abort_uploads(s3: Any, bucket: str) -> None:
    with translated("abort the uploads of", bucket):
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
            for upload in page.get("Uploads", []):
                s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
