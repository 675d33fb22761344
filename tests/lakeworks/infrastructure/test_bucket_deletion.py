"""Deleting a bucket: ours only, empty unless asked to, and every version of a versioned one."""

import json
from typing import Any

import pytest

from lakeworks.errors import ConfigError, LakeAccessDenied, LakeNotFound, LakeUnavailable
from lakeworks.infrastructure.bucket_deletion import delete_bucket, list_buckets, policy_of
from tests.lakeworks.infrastructure.conftest import client
from tests.lakeworks.infrastructure.test_lake_bootstrap import denying


@pytest.fixture(params=["moto", "ministack", "seaweed"])
def full(request: pytest.FixtureRequest, bucket: str) -> Any:
    """A versioned bucket of ours with two versions, a delete marker and an unfinished upload."""
    s3 = client("s3", request.getfixturevalue(f"{request.param}_url"))
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "managed-by", "Value": "lakeworks"}]})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket=bucket, Key="a", Body=body)
    s3.delete_object(Bucket=bucket, Key="a")
    s3.create_multipart_upload(Bucket=bucket, Key="b")
    return s3


def test_a_full_bucket_goes_only_by_force_and_then_with_every_version(full: Any, bucket: str) -> None:
    with pytest.raises(
        ConfigError, match=r"holds objects or old versions \(a and others\)\. Nothing was deleted.*--force"
    ):
        delete_bucket(full, bucket)
    assert delete_bucket(full, bucket, force=True) == 3
    assert bucket not in [entry.name for entry in list_buckets(full)]
    with pytest.raises(LakeNotFound):
        delete_bucket(full, bucket)


def test_anothers_bucket_is_never_deleted(moto_url: str, bucket: str) -> None:
    s3 = client("s3", moto_url)
    s3.create_bucket(Bucket=bucket)
    with pytest.raises(ConfigError, match=r"bootstrap did not create it\. Nothing was deleted"):
        delete_bucket(s3, bucket, force=True)
    assert {entry.name: entry.ours for entry in list_buckets(s3)}[bucket] is False


def test_a_refused_deletion_keeps_the_bucket(full: Any, bucket: str) -> None:
    class Refusing:
        """The client, except that S3 refuses to delete."""

        def __getattr__(self, name: str) -> Any:
            return getattr(full, name)

        def delete_objects(self, **_: Any) -> dict[str, Any]:
            return {"Errors": [{"Key": "a", "Code": "AccessDenied", "Message": "locked"}]}

    with pytest.raises(LakeUnavailable, match="1 of 3 versions .* first `a`: AccessDenied locked. The bucket remains"):
        delete_bucket(Refusing(), bucket, force=True)
    assert full.head_bucket(Bucket=bucket)


def test_buckets_that_refuse_their_tags_end_no_listing(moto_url: str, bucket: str) -> None:
    """Accounts have log buckets of other teams: one refusal ended the whole listing."""
    client("s3", moto_url).create_bucket(Bucket=bucket)
    s3 = denying(moto_url, {"GetBucketTagging"})("s3")
    (entry,) = [item for item in list_buckets(s3) if item.name == bucket]
    assert (entry.ours, entry.note) == (None, "denied: s3:GetBucketTagging")
    with pytest.raises(LakeAccessDenied, match="SignatureDoesNotMatch"):
        list_buckets(denying(moto_url, {"GetBucketTagging"}, "SignatureDoesNotMatch")("s3"))


@pytest.mark.parametrize(
    ("code", "status", "note"),
    [
        ("PermanentRedirect", 301, "in another region, which does not answer here"),
        ("IllegalLocationConstraintException", 400, "in another region, which does not answer here"),
        ("ServiceUnavailable", 503, "ServiceUnavailable"),
    ],
)
def test_a_bucket_that_does_not_answer_has_a_note_of_a_few_words(
    moto_url: str, bucket: str, code: str, status: int, note: str
) -> None:
    """The note was a whole error of an outage, with `Run again`, for a bucket that never answers from here."""
    client("s3", moto_url).create_bucket(Bucket=bucket)
    (entry,) = [
        item
        for item in list_buckets(denying(moto_url, {"GetBucketTagging"}, code, status)("s3"))
        if item.name == bucket
    ]
    assert (entry.ours, entry.note) == (None, note)


def test_the_policy_in_force_is_shown_or_the_reason_why_not(moto_url: str, bucket: str) -> None:
    s3 = client("s3", moto_url)
    s3.create_bucket(Bucket=bucket)
    with pytest.raises(LakeNotFound, match=r"has no policy\. Set the lake's: lakeworks bootstrap"):
        policy_of(s3, bucket)
    with pytest.raises(LakeNotFound, match="NoSuchBucket "):
        policy_of(s3, f"{bucket}-missing")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": f"arn:aws:s3:::{bucket}"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert policy_of(s3, bucket)["Statement"] == [statement]
    with pytest.raises(LakeAccessDenied, match=r"denied: .*GetBucketPolicy"):
        policy_of(denying(moto_url, {"GetBucketPolicy"})("s3"), bucket)
