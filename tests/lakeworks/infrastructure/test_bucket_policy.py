"""The bucket policy: TLS only where TLS is spoken, least privilege, others' statements kept."""

import json
from typing import Any

from lakeworks.infrastructure import plan_apply as engine
from lakeworks.infrastructure.resources import bucket_policy as policy
from lakeworks.infrastructure.resources.bucket_policy import BucketPolicy, canonical
from tests.lakeworks.infrastructure.conftest import ROLE, client

OTHER = {
    "Sid": "Theirs",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::b/open/*",
}


def applied(resource: BucketPolicy, url: str) -> engine.ResourceChange:
    return next(iter(engine.apply([resource], lambda service, region=None: client(service, url))))


def stored(url: str, bucket: str) -> dict[str, Any]:
    statements = json.loads(client("s3", url).get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    return {statement["Sid"]: statement for statement in statements}


def test_statements_of_others_stay_ours_are_repaired_and_old_ones_go(ministack_url: str, bucket: str) -> None:
    s3 = client("s3", ministack_url)
    s3.create_bucket(Bucket=bucket)
    ours = BucketPolicy(bucket, policy.readers(bucket, [f"{ROLE}/analyst"]))
    bent = {**OTHER, "Sid": "LakeworksRead"}
    gone = {**OTHER, "Sid": "LakeworksGone"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [OTHER, bent, gone]}))
    change = applied(ours, ministack_url)
    assert change.outcome == "changed"
    found = stored(ministack_url, bucket)
    assert set(found) == {"Theirs", "LakeworksRead", "LakeworksReadList"}
    assert canonical(found["Theirs"]) == canonical(OTHER)
    assert found["LakeworksRead"]["Principal"] == {"AWS": [f"{ROLE}/analyst"]}
    assert "`Theirs` of another program allows everyone" in change.remarks[0]
    assert applied(ours, ministack_url).outcome == "unchanged"


def test_what_iam_reorders_and_unwraps_is_no_drift() -> None:
    ours = policy.writers("b", [f"{ROLE}/b", f"{ROLE}/a"])
    returned = json.loads(json.dumps(ours["LakeworksWrite"]))
    returned["Action"] = list(reversed(returned["Action"]))
    returned["Principal"] = {"AWS": [f"{ROLE}/a", f"{ROLE}/b"]}
    returned["Resource"] = [returned["Resource"]]
    assert canonical(returned) == canonical(ours["LakeworksWrite"])


def test_tls_is_demanded_where_it_is_spoken(moto_url: str, bucket: str) -> None:
    wanted = BucketPolicy(bucket, policy.tls_only(bucket)).desired()
    assert wanted["LakeworksTlsOnly"]["Condition"] == {"Bool": {"aws:SecureTransport": ["false"]}}
    assert wanted["LakeworksTls12"]["Condition"] == {"NumericLessThan": {"s3:TlsVersion": ["1.2"]}}
    assert {statement["Effect"] for statement in wanted.values()} == {"Deny"}
    plain = applied(BucketPolicy(bucket, {}, insecure=True), moto_url)
    assert (plain.outcome, "deny every request" in plain.detail) == ("unsupported", True)


def test_readers_see_live_tables_only_and_no_one_may_change_settings() -> None:
    reads = policy.readers("b", [f"{ROLE}/r"])
    assert reads["LakeworksRead"]["Resource"] == [
        f"arn:aws:s3:::b/{layer}/*" for layer in ("bronze", "silver", "gold", "reference")
    ]
    assert reads["LakeworksReadList"]["Condition"] == {
        "StringLike": {"s3:prefix": ["bronze/*", "silver/*", "gold/*", "reference/*"]}
    }
    writes = policy.writers("b", [f"{ROLE}/w"])
    actions = {action for statement in writes.values() for action in canonical(statement)["Action"]}
    assert not any("*" in action or action.startswith(("s3:PutBucket", "s3:DeleteBucket")) for action in actions)
    assert "s3:DeleteObjectVersion" not in actions, "rolling back must stay possible"
    assert policy.readers("b", []) == policy.writers("b", []) == {}


def test_other_keys_are_denied_where_the_keys_arn_is_known() -> None:
    arn = "arn:aws:kms:us-east-1:123456789012:key/k"
    (statement,) = policy.one_key("b", arn).values()
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:PutObject")
    key = "s3:x-amz-server-side-encryption-aws-kms-key-id"
    assert statement["Condition"] == {"StringNotEquals": {key: arn}, "Null": {key: "false"}}
    assert policy.one_key("b", "alias/lake") == {}, "S3 compares with the ARN: everyone would be locked out"


def test_deliveries_are_bound_to_our_buckets_and_account() -> None:
    (statement,) = policy.deliveries("logs", "access-logs/", "Logs", ["lake"], "1").values()
    assert statement["Resource"] == "arn:aws:s3:::logs/access-logs/*"
    assert statement["Condition"] == {
        "ArnLike": {"aws:SourceArn": ["arn:aws:s3:::lake"]}, "StringEquals": {"aws:SourceAccount": "1"},
    }  # fmt: skip


def test_writers_may_tag_only_where_objects_have_tags() -> None:
    plain, tagged = (
        policy.writers("b", [f"{ROLE}/w"], tags=tags)["LakeworksWrite"]["Action"] for tags in (False, True)
    )
    assert "s3:PutObjectTagging" not in plain
    assert {"s3:PutObjectTagging", "s3:GetObjectTagging"} <= set(tagged)
