"""Policies by purpose: real ARNs in every partition, within IAM's limits, and nothing that lake.yml does not ask for."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session

from lakeworks.errors import ConfigError
from lakeworks.infrastructure.aws_partition import partition_of
from lakeworks.infrastructure.config import LakeConfig, load_config
from lakeworks.permissions.aws_call import Purpose
from lakeworks.permissions.lake_address import LakeAddress
from lakeworks.permissions.policy_document import MOST_CHARACTERS, policy_documents, size_of
from lakeworks.permissions.policy_scope import PolicyScope
from lakeworks.tenants.iam_simulation import Request, decide

EXAMPLE = Path(__file__).resolve().parents[3] / "lake.example.yml"
ADDRESS = LakeAddress("acme-lake", "eu-central-1", "123456789012")
PLAIN = PolicyScope(ADDRESS, LakeConfig())
SPARK_ROLE = "arn:aws:iam::123456789012:role/spark"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/0a1b"


def whole() -> PolicyScope:
    """Every field of lake.yml, a key, a bucket a layer."""
    config = load_config(EXAMPLE)
    return PolicyScope(replace(ADDRESS, layers=config.bucket_of_layer), config, KEY)


def may(scope: PolicyScope, purpose: Purpose, action: str, resource: str, **context: str) -> bool:
    documents = policy_documents(purpose, scope)
    return any(decide(document, Request(action, resource, context)) == "allowed" for document in documents)


def test_partitions_are_botocores() -> None:
    session = get_session()
    for partition in session.get_available_partitions():
        for region in session.get_available_regions("s3", partition):
            assert partition_of(region) == partition, region


@pytest.mark.parametrize("purpose", Purpose)
def test_every_policy_fits_and_has_only_arns_of_its_partition(purpose: Purpose) -> None:
    scope = whole()
    china = replace(scope, address=replace(scope.address, region="cn-north-1", partition="aws-cn"))
    for document in policy_documents(purpose, china):
        assert size_of(document) <= MOST_CHARACTERS
        text = json.dumps(document)
        declared = {KEY, SPARK_ROLE, *(one.role_arn for one in [*scope.config.crawlers, *scope.deliveries.values()]), *([scope.config.replication.role_arn] if scope.config.replication else [])}  # fmt: skip
        foreign = {arn for item in document["Statement"] for arn in item["Resource"] if arn.startswith("arn:aws:")}
        assert foreign <= declared, text


def test_what_is_too_large_for_one_policy_is_several_that_fit() -> None:
    crawlers = [{"name": f"crawler-{n}", "role_arn": f"arn:aws:iam::123456789012:role/crawler-{n}", "database": "d", "prefix": "exports/"} for n in range(200)]  # fmt: skip
    scope = PolicyScope(ADDRESS, LakeConfig.model_validate({"crawlers": crawlers[:40]}))
    assert len(policy_documents(Purpose.CRAWL, scope)) == 1
    documents = policy_documents(Purpose.BOOTSTRAP, scope)
    assert len(documents) > 1
    assert all(size_of(document) <= MOST_CHARACTERS for document in documents)
    with pytest.raises(ConfigError, match="one statement"):
        policy_documents(Purpose.CRAWL, PolicyScope(ADDRESS, LakeConfig.model_validate({"crawlers": crawlers})))


def test_a_section_that_lake_yml_lacks_grants_nothing() -> None:
    def actions(scope: PolicyScope) -> set[str]:
        return {one for document in policy_documents(Purpose.BOOTSTRAP, scope) for item in document["Statement"] for one in item["Action"]}  # fmt: skip

    services = {action.partition(":")[0] for action in actions(PLAIN)}
    assert services == {"s3", "glue", "athena"}
    assert {action.partition(":")[0] for action in actions(whole())} >= {
        "iam",
        "kms",
        "sqs",
        "cloudwatch",
        "budgets",
        "lakeformation",
    }
    with pytest.raises(ConfigError, match="lake.yml declares nothing"):
        policy_documents(Purpose.CRAWL, PLAIN)


@pytest.mark.parametrize(
    ("key", "resource", "condition"),
    [
        (KEY, KEY, None),
        ("0a1b", KEY, None),
        ("alias/lake", "arn:aws:kms:eu-central-1:123456789012:key/*", "alias/lake"),
        (
            "arn:aws:kms:eu-central-1:123456789012:alias/lake",
            "arn:aws:kms:eu-central-1:123456789012:key/*",
            "alias/lake",
        ),
    ],
)
def test_the_key_is_named_by_arn_or_alias(key: str, resource: str, condition: str | None) -> None:
    (document,) = policy_documents(Purpose.RUN, replace(PLAIN, kms_key_id=key))
    (statement,) = [item for item in document["Statement"] if item["Sid"] == "Key"]
    assert (statement["Action"], statement["Resource"]) == (["kms:Decrypt", "kms:GenerateDataKey"], [resource])
    found: Any = statement.get("Condition")
    assert found == ({"ForAnyValue:StringEquals": {"kms:ResourceAliases": condition}} if condition else None)


@pytest.mark.parametrize(("fields", "granted"), [({}, False), ({"grants": []}, True)])
def test_the_right_to_revoke_stays_until_grants_leave_lake_yml(fields: dict[str, Any], granted: bool) -> None:
    """After the last grant left the list, bootstrap takes it back: it was denied, because the policy named nothing."""
    scope = replace(PLAIN, config=LakeConfig.model_validate(fields))
    assert may(scope, Purpose.BOOTSTRAP, "lakeformation:RevokePermissions", "*") == granted


def test_each_purpose_gets_its_own_and_no_more() -> None:
    lake, silver = ADDRESS.bucket_arn(), ADDRESS.object_arn("silver/market/prices/x")
    for purpose in (Purpose.RUN, Purpose.MAINTENANCE):
        assert may(PLAIN, purpose, "s3:PutObject", silver)
        assert may(PLAIN, purpose, "s3:ListBucket", lake, **{"s3:prefix": "_ledger/silver/"})
        for refused in ("s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:PutBucketVersioning", "iam:PassRole"):
            assert not may(PLAIN, purpose, refused, silver)
            assert not may(PLAIN, purpose, refused, lake)
    for purpose in (Purpose.READ, Purpose.ATHENA):
        assert may(PLAIN, purpose, "s3:GetObjectVersion", silver)
        assert not may(PLAIN, purpose, "s3:PutObject", silver)
        for area in ("landing", "_quarantine", "_staging", "inbox"):
            assert not may(PLAIN, purpose, "s3:GetObject", ADDRESS.object_arn(f"{area}/x"))
        assert may(PLAIN, purpose, "s3:PutObject", ADDRESS.object_arn("_results/x"))
        assert not may(PLAIN, purpose, "glue:CreateTable", ADDRESS.glue_arn("table/silver_market/prices"))
        assert not may(PLAIN, purpose, "glue:GetTable", ADDRESS.glue_arn("table/acme__silver_market/prices")), (
            "a tenant's"
        )
    assert not may(PLAIN, Purpose.DOCTOR, "s3:DeleteObjectVersion", silver)
    assert not may(PLAIN, Purpose.DOCTOR, "glue:DeleteTable", ADDRESS.glue_arn("table/silver_market/prices"))
    assert may(PLAIN, Purpose.DOCTOR, "glue:DeleteTable", ADDRESS.glue_arn("table/silver_market/lakeworks_doctor_a_1"))


GROUPS = LakeConfig.model_validate(
    {"athena": {"analysts": [{"name": "finance"}, {"name": "sales"}], "tenants": [{"tenant": "acme"}]}}
)


def test_a_work_group_of_analysts_is_theirs_alone() -> None:
    scope = PolicyScope(ADDRESS, GROUPS, work_group="acme-lake-finance")
    for action in ("athena:StartQueryExecution", "athena:GetQueryResults", "athena:StopQueryExecution"):
        assert may(scope, Purpose.ATHENA, action, ADDRESS.arn("athena", "workgroup/acme-lake-finance"))
        for other in ("acme-lake", "acme-lake-sales", "acme-lake-tenant-acme", "acme-lake-finance2", "primary"):
            assert not may(scope, Purpose.ATHENA, action, ADDRESS.arn("athena", f"workgroup/{other}")), other
    assert may(scope, Purpose.ATHENA, "s3:PutObject", ADDRESS.object_arn("_results/group=finance/x.csv"))
    lists = {"s3:prefix": "_results/group=finance/"}
    assert may(scope, Purpose.ATHENA, "s3:ListBucket", ADDRESS.bucket_arn(), **lists)
    for other in ("x.csv", "group=sales/x.csv", "tenant=acme/x.csv", "group=finance2/x.csv"):
        for action in ("s3:GetObject", "s3:PutObject"):
            assert not may(scope, Purpose.ATHENA, action, ADDRESS.object_arn(f"_results/{other}")), other
        assert not may(
            scope, Purpose.ATHENA, "s3:ListBucket", ADDRESS.bucket_arn(), **{"s3:prefix": f"_results/{other}"}
        )
    with pytest.raises(ConfigError, match=r"declares no Athena work group `nobodys`.*acme-lake-tenant-acme"):
        policy_documents(Purpose.ATHENA, replace(scope, work_group="nobodys"))
    with pytest.raises(ConfigError, match="lakeworks tenant policy acme"):
        policy_documents(Purpose.ATHENA, replace(scope, work_group="acme-lake-tenant-acme"))


def test_who_makes_the_work_groups_and_who_pays_for_them_reaches_all_of_them() -> None:
    scope = PolicyScope(ADDRESS, GROUPS)
    for name in ("acme-lake", "acme-lake-finance", "acme-lake-sales", "acme-lake-tenant-acme"):
        group = ADDRESS.arn("athena", f"workgroup/{name}")
        assert may(scope, Purpose.BOOTSTRAP, "athena:UpdateWorkGroup", group)
        assert may(scope, Purpose.COST, "athena:BatchGetQueryExecution", group)
        assert not may(scope, Purpose.COST, "athena:StartQueryExecution", group)


def test_roles_are_passed_to_their_service_only() -> None:
    scope = whole()
    role = scope.config.crawlers[0].role_arn
    assert may(scope, Purpose.CRAWL, "iam:PassRole", role, **{"iam:PassedToService": "glue.amazonaws.com"})
    assert not may(scope, Purpose.CRAWL, "iam:PassRole", role, **{"iam:PassedToService": "ec2.amazonaws.com"})
    assert not may(scope, Purpose.CRAWL, "iam:PassRole", "arn:aws:iam::123456789012:role/admin")


def test_firehose_may_read_its_stream_and_write_its_folders_only() -> None:
    scope = whole()
    stream = ADDRESS.arn("kinesis", "stream/lakeworks-dev-commerce")
    assert may(scope, Purpose.DELIVERY, "kinesis:GetRecords", stream)
    assert not may(scope, Purpose.DELIVERY, "kinesis:PutRecords", stream)
    assert may(scope, Purpose.DELIVERY, "s3:PutObject", ADDRESS.object_arn("inbox/commerce_events/2026-11-29/x"))
    assert may(scope, Purpose.DELIVERY, "s3:PutObject", ADDRESS.object_arn("delivery-errors/commerce_events/x"))
    for refused in ("inbox/other/x", "landing/x", "bronze/x"):
        assert not may(scope, Purpose.DELIVERY, "s3:PutObject", ADDRESS.object_arn(refused))
    with pytest.raises(ConfigError, match="lake.yml declares nothing"):
        policy_documents(Purpose.DELIVERY, replace(PLAIN, kms_key_id=KEY))


def test_a_consumer_may_land_and_use_the_key_of_its_stream() -> None:
    config = LakeConfig.model_validate({"streams": [{"name": "a", "kms_key_id": KEY}]})
    scope = PolicyScope(ADDRESS, config)
    assert may(scope, Purpose.STREAM, "s3:PutObject", ADDRESS.object_arn("landing/a/stream/a/x"))
    assert not may(scope, Purpose.STREAM, "s3:PutObject", ADDRESS.object_arn("bronze/a/x"))
    via = {"kms:ViaService": "kinesis.eu-central-1.amazonaws.com"}
    assert may(scope, Purpose.STREAM, "kms:Decrypt", KEY, **via)
    assert not may(scope, Purpose.STREAM, "kms:Decrypt", KEY, **{"kms:ViaService": "s3.eu-central-1.amazonaws.com"})


def test_an_analyst_of_a_governed_lake_reads_no_object() -> None:
    """Who can read the files sees the columns that Lake Formation withholds."""
    role = "arn:aws:iam::123456789012:role/lake"
    governed = LakeConfig.model_validate({"lake_formation": {"roles": [role]}})
    found = {
        config.lake_formation is not None: {
            (action, resource)
            for document in policy_documents(
                Purpose.ATHENA, PolicyScope(LakeAddress("lake", "eu-west-1", "1" * 12), config)
            )
            for statement in document["Statement"]
            for action in statement["Action"]
            for resource in statement["Resource"]
        }
        for config in (LakeConfig(), governed)
    }
    assert ("s3:GetObject", "arn:aws:s3:::lake/gold/*") in found[False]
    assert not any(action.startswith("s3:GetObject") and "_results" not in resource for action, resource in found[True])
    assert "lakeformation:GetDataAccess" in {action for action, _ in found[True]} - {
        action for action, _ in found[False]
    }


def test_a_streams_key_named_by_its_alias_opens_no_other_key() -> None:
    streams = [{"name": "a", "kms_key_id": KEY}, {"name": "b", "kms_key_id": "alias/b"}, {"name": "c"}]
    scope = PolicyScope(
        LakeAddress("lake", "cn-north-1", "123456789012"), LakeConfig.model_validate({"streams": streams})
    )
    found = {
        statement["Resource"][0]: statement["Condition"]
        for document in policy_documents(Purpose.STREAM, scope)
        for statement in document["Statement"]
        if any(action.startswith("kms:") for action in statement["Action"])
    }
    through = {"StringEquals": {"kms:ViaService": "kinesis.cn-north-1.amazonaws.com.cn"}}
    by_alias = {**through, "ForAnyValue:StringEquals": {"kms:ResourceAliases": ["alias/b"]}}
    assert found == {KEY: through, scope.address.arn("kms", "key/*"): by_alias}
