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
    policy = json.loads(client("s3", ministack_url).get_bucket_policy(Bucket=bucket)["Policy"])
    (statement,) = [item for item in policy["Statement"] if item["Sid"] == "LakeworksDelivery"]
    assert (statement["Action"], statement["Resource"]) == (
        ["s3:GetObject"],
        [f"arn:aws:s3:::{bucket}/exports/public/*"],
    )
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ["000000000000"]}


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
    resources = json.loads(plan.export("terraform"))["resource"]
    (label,) = resources["aws_cloudfront_origin_access_control"]
    (body,) = resources["aws_cloudfront_distribution"].values()
    assert body["origin"]["origin_access_control_id"] == f"${{aws_cloudfront_origin_access_control.{label}.id}}"


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
