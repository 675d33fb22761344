"""CloudFront over a folder of exports: what it may read, what drifts, what is refused."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from lakeworks.errors import ConfigError
from lakeworks.exports.delivered import check_delivery
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.lake_bootstrap import LakePlan
from lakeworks.infrastructure.plan_apply import ResourceChange
from lakeworks.infrastructure.resources.distribution import Distribution
from lakeworks.lake import Lake
from tests.conftest import contract_of
from tests.lakeworks.infrastructure.conftest import client

KINDS = ("origin access control", "distribution")
Planned = Callable[..., LakePlan]


def outcomes(changes: Sequence[ResourceChange]) -> dict[str, str]:
    return {item.kind: item.outcome for item in changes if item.kind in KINDS}


def test_a_distribution_is_made_once_repaired_and_reads_the_folder_alone(
    ministack_url: str, bucket: str, planned: Planned
) -> None:
    plan = planned(ministack_url, cloudfront={})
    assert outcomes(plan.changes()) == dict.fromkeys(KINDS, "create")
    assert outcomes(plan.apply()) == dict.fromkeys(KINDS, "created")
    plan = planned(ministack_url, cloudfront={})
    assert outcomes(plan.apply()) == dict.fromkeys(KINDS, "unchanged")
    cloudfront = client("cloudfront", ministack_url)
    (found,) = [
        item
        for item in cloudfront.list_distributions()["DistributionList"]["Items"]
        if item["Comment"].endswith(f"{bucket}-exports")
    ]
    current = cloudfront.get_distribution_config(Id=found["Id"])
    config = current["DistributionConfig"]
    (origin,) = config["Origins"]["Items"]
    assert (origin["DomainName"], origin["OriginPath"]) == (f"{bucket}.s3.us-east-1.amazonaws.com", "/exports/public")
    assert origin["S3OriginConfig"]["OriginAccessIdentity"] == ""
    config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] = "allow-all"
    cloudfront.update_distribution(Id=found["Id"], IfMatch=current["ETag"], DistributionConfig=config)
    assert outcomes(plan.changes())["distribution"] == "change"
    assert outcomes(plan.apply())["distribution"] == "changed"
    (statement,) = admitted(ministack_url, bucket)
    assert (statement["Action"], statement["Resource"]) == (
        ["s3:GetObject"],
        [f"arn:aws:s3:::{bucket}/exports/public/*"],
    )


def admitted(url: str, bucket: str) -> list[Any]:
    """The statements of the bucket's policy for CloudFront."""
    policy = json.loads(client("s3", url).get_bucket_policy(Bucket=bucket)["Policy"])
    return [item for item in policy["Statement"] if item["Sid"] == "LakeworksDelivery"]


def theirs(url: str, name: str) -> str:
    """Another distribution of this account."""
    origin = {"Id": "x", "DomainName": "x.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
    config = {
        "CallerReference": name, "Comment": "theirs", "Enabled": True, "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {"TargetOriginId": "x", "ViewerProtocolPolicy": "https-only"},
    }  # fmt: skip
    return str(client("cloudfront", url).create_distribution(DistributionConfig=config)["Distribution"]["ARN"])


def test_the_policy_admits_the_one_distribution_once_it_exists_and_no_other(
    ministack_url: str, bucket: str, planned: Planned
) -> None:
    """It admitted every distribution of the account."""
    other, first = theirs(ministack_url, bucket), planned(ministack_url, cloudfront={})
    assert all(
        "cloudfront" not in str(line) for item in first.changes() for line in item.lines if item.kind == "policy"
    )
    changes = [item for item in first.apply() if item.kind in ("policy", "distribution")]
    assert [item.kind for item in changes] == ["policy", "distribution", "policy"], "AWS chooses its id"
    assert "the bucket's policy names it as soon as it exists" in changes[1].remarks
    (statement,) = admitted(ministack_url, bucket)
    (arn,) = statement["Condition"]["StringEquals"]["aws:SourceArn"]
    assert arn != other
    listed = client("cloudfront", ministack_url).list_distributions()["DistributionList"]["Items"]
    assert [item["Comment"].endswith(f"{bucket}-exports") for item in listed if item["ARN"] == arn] == [True]
    again = planned(ministack_url, cloudfront={})
    assert {item.outcome for item in again.changes() if item.kind == "policy"} == {"unchanged"}
    assert [item.outcome for item in again.apply() if item.kind == "policy"] == ["unchanged"], "one pass is enough"


def test_a_policy_for_the_whole_account_is_narrowed(ministack_url: str, bucket: str, planned: Planned) -> None:
    """As bootstrap wrote it before."""
    planned(ministack_url, cloudfront={}).apply()
    (statement,) = admitted(ministack_url, bucket)
    wide = {**statement, "Condition": {"StringEquals": {"aws:SourceAccount": "000000000000"}}}
    policy = {"Version": "2012-10-17", "Statement": [wide]}
    client("s3", ministack_url).put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    (change,) = [item for item in planned(ministack_url, cloudfront={}).apply() if item.kind == "policy"]
    assert change.outcome == "changed"
    assert admitted(ministack_url, bucket) == [statement]


def test_without_the_section_none_is_admitted(ministack_url: str, bucket: str, planned: Planned) -> None:
    planned(ministack_url, cloudfront={}).apply()
    reader = {"readers": ["arn:aws:iam::000000000000:role/analyst"]}
    planned(ministack_url, access=reader).apply()
    assert admitted(ministack_url, bucket) == []


def test_a_distribution_that_cannot_be_read_stays_admitted(ministack_url: str, bucket: str, planned: Planned) -> None:
    """A policy of bootstrap without CloudFront must not cut off what is delivered."""
    planned(ministack_url, cloudfront={}).apply()
    before = admitted(ministack_url, bucket)
    nobody = "http://127.0.0.1:9"
    halting = planned(
        ministack_url,
        clients=lambda service, region=None: client(service, nobody if service == "cloudfront" else ministack_url),
        cloudfront={},
        access={"readers": ["arn:aws:iam::000000000000:role/analyst"]},
    )
    changes = {item.kind: item.outcome for item in halting.apply()}
    assert (changes["policy"], changes["distribution"]) == ("changed", "failed")
    assert admitted(ministack_url, bucket) == before


def test_anothers_origin_access_control_is_left_alone(moto_url: str, bucket: str, planned: Planned) -> None:
    theirs = {
        "Name": f"{bucket}-exports", "Description": "theirs", "SigningProtocol": "sigv4", "SigningBehavior": "never",
        "OriginAccessControlOriginType": "s3",
    }  # fmt: skip
    client("cloudfront", moto_url).create_origin_access_control(OriginAccessControlConfig=theirs)
    assert outcomes(planned(moto_url, cloudfront={}).apply())["origin access control"] == "foreign"


def test_both_exports_have_it(moto_url: str, planned: Planned) -> None:
    plan = planned(moto_url, cloudfront={"prefix": "exports/open/"})
    template = json.loads(plan.export("cloudformation"))["Resources"]
    (made,) = [item for item in template.values() if item["Type"] == "AWS::CloudFront::Distribution"]
    (origin,) = made["Properties"]["DistributionConfig"]["Origins"]
    assert origin["OriginPath"] == "/exports/open"
    assert template[origin["OriginAccessControlId"]["Ref"]]["Type"] == "AWS::CloudFront::OriginAccessControl"
    (name,) = [name for name, item in template.items() if item is made]
    (policy,) = [item for item in template.values() if item["Type"] == "AWS::S3::BucketPolicy"]
    source = {"Fn::Sub": f"arn:aws:cloudfront::${{AWS::AccountId}}:distribution/${{{name}}}"}
    assert delivered(policy["Properties"]["PolicyDocument"]) == [{"StringEquals": {"aws:SourceArn": source}}]
    resources = json.loads(plan.export("terraform"))["resource"]
    (label,) = resources["aws_cloudfront_origin_access_control"]
    (body,) = resources["aws_cloudfront_distribution"].values()
    assert body["origin"]["origin_access_control_id"] == f"${{aws_cloudfront_origin_access_control.{label}.id}}"
    (policy,) = resources["aws_s3_bucket_policy"].values()
    source = f"${{aws_cloudfront_distribution.{label}.arn}}"
    assert delivered(json.loads(policy["policy"])) == [{"StringEquals": {"aws:SourceArn": source}}]


def delivered(policy: dict[str, Any]) -> list[Any]:
    """The conditions under which CloudFront reads."""
    return [item["Condition"] for item in policy["Statement"] if item["Sid"] == "LakeworksDelivery"]


@pytest.mark.parametrize("prefix", ["", "exports/", "gold/", "exports/open", "landing/exports/", "exports/../gold/"])
def test_nothing_but_a_folder_of_exports_is_delivered(prefix: str) -> None:
    with pytest.raises(ValueError, match="a folder below `exports/` alone"):
        LakeConfig.model_validate({"cloudfront": {"prefix": prefix}})


@pytest.mark.parametrize(
    ("column", "refused"),
    [
        ({"classification": "public"}, False),
        ({"classification": "internal"}, True),
        ({"classification": "restricted"}, True),
        ({"pii": True}, True),
    ],
)
def test_nothing_above_public_is_exported_into_it(lake: Lake, column: dict[str, Any], refused: bool) -> None:
    columns = {"id": {"type": "bigint", "required": True, "description": "x", **column}}
    known = contract_of(columns=columns).columns
    delivering = replace(lake, delivered="exports/public/")
    there = f"s3://{lake.store.bucket}/exports/public/day.csv"
    if refused:
        with pytest.raises(ConfigError, match="id must not be"):
            check_delivery(delivering, there, known)
    else:
        check_delivery(delivering, there, known)
    with pytest.raises(ConfigError, match="no classification"):
        check_delivery(delivering, there, None)
    for elsewhere in (
        f"s3://{lake.store.bucket}/exports/day.csv",
        "s3://other/exports/public/day.csv",
        "exports/public/day.csv",
    ):
        check_delivery(delivering, elsewhere, None)
    check_delivery(lake, there, None)


def test_the_origin_is_an_address_of_its_partition() -> None:
    origins = [
        Distribution("d", "lake", region, "exports/", "PriceClass_100").desired()["Origin"]
        for region in ("cn-north-1", "eu-west-1")
    ]
    assert origins == ["lake.s3.cn-north-1.amazonaws.com.cn", "lake.s3.eu-west-1.amazonaws.com"]
