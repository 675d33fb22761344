"""Bootstrap: everything set, read back, repeated without effect; what an endpoint cannot do is reported."""

import uuid

import pytest

from lakeworks.errors import ConfigError, LakeAccessDenied
from lakeworks.storage.buckets import BucketPlan, bootstrap_bucket, check_bucket_name, lifecycle_rules
from tests.conftest import client

PLAN = BucketPlan(tags={"project": "test"})


def outcomes(url: str, bucket: str, plan: BucketPlan = PLAN) -> dict[str, str]:
    return {change.setting: change.outcome for change in bootstrap_bucket(client("s3", url), bucket, plan)}


@pytest.fixture
def bucket() -> str:
    return f"boot-{uuid.uuid4().hex[:12]}"


def test_every_setting_is_made_once(ministack_url: str, bucket: str) -> None:
    first, second = outcomes(ministack_url, bucket), outcomes(ministack_url, bucket)
    assert set(first.values()) <= {"created", "unchanged"}
    assert set(second.values()) == {"unchanged"}
    s3 = client("s3", ministack_url)
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert {rule["ID"] for rule in rules} == {rule["ID"] for rule in lifecycle_rules(PLAN)}


def test_what_is_there_already_is_kept(ministack_url: str, bucket: str) -> None:
    s3 = client("s3", ministack_url)
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "cost-centre", "Value": "7"}]})
    theirs = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [theirs]})
    outcomes(ministack_url, bucket)
    tags = {tag["Key"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
    assert tags == {"cost-centre", "managed-by", "project"}
    assert "theirs" in {rule["ID"] for rule in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}


def test_what_an_endpoint_does_not_keep_is_reported_and_the_rest_happens(
    seaweed_url: str, moto_url: str, bucket: str
) -> None:
    found = outcomes(seaweed_url, bucket)
    assert (found["versioning"], found["tags"]) == ("created", "created")
    assert (found["lifecycle"], found["public access block"]) == ("unsupported", "unsupported")
    assert outcomes(moto_url, bucket)["lifecycle"] == "unsupported", "moto forgets NewerNoncurrentVersions"


def test_other_regions_are_named_and_the_default_is_not(moto_url: str, bucket: str) -> None:
    outcomes(moto_url, bucket, BucketPlan(region="eu-west-1"))
    assert client("s3", moto_url).get_bucket_location(Bucket=bucket)["LocationConstraint"] == "eu-west-1"


def test_a_bucket_of_another_account_is_a_clear_error(seaweed_url: str, bucket: str) -> None:
    stranger = client("s3", seaweed_url)
    stranger._request_signer._credentials.secret_key = "wrong"
    with pytest.raises(LakeAccessDenied, match=r"another account.*Nothing was changed"):
        bootstrap_bucket(stranger, bucket, PLAN)


@pytest.mark.parametrize(
    "name", ["ab", "UPPER", "under_score", "-dash", "dot..dot", "192.168.0.1", "a" * 64, "xn--a", "a-s3alias"]
)
def test_a_wrong_name_is_refused_before_anything_is_made(name: str) -> None:
    with pytest.raises(ConfigError, match=r"is not a bucket name.*Nothing was created"):
        check_bucket_name(name)
