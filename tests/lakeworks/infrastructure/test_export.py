"""Exports: the CloudFormation template passes AWS's own resource schemas, the Terraform one refers to what it defines."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lakeworks.infrastructure.config import load_config
from lakeworks.infrastructure.lake_bootstrap import LakePlan
from tests.lakeworks.infrastructure.conftest import ROLE, client
from tests.lakeworks.infrastructure.test_config import EXAMPLE

Planned = Callable[..., LakePlan]


@pytest.fixture
def example(moto_url: str, planned: Planned) -> LakePlan:
    return planned(moto_url, **load_config(EXAMPLE).model_dump(mode="json", exclude={"unique"}, exclude_unset=True))


def lint(template: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "cfn-lint"), str(template), "--regions", "us-east-1"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_template_passes_cfn_lint_and_a_typo_would_not(example: LakePlan, bucket: str, tmp_path: Path) -> None:
    content: dict[str, Any] = json.loads(example.export("cloudformation"))
    (tmp_path / "good.json").write_text(json.dumps(content, indent=1))
    good = lint(tmp_path / "good.json")
    assert (good.returncode, good.stdout) == (0, "")
    lake = next(value for value in content["Resources"].values() if value["Properties"].get("BucketName") == bucket)
    lake["Properties"]["VersioningConfiguration"]["Status"] = "On"
    (tmp_path / "bad.json").write_text(json.dumps(content, indent=1))
    assert "'On' is not one of" in lint(tmp_path / "bad.json").stdout


def test_the_template_holds_every_kind_or_says_what_it_leaves_out(example: LakePlan, bucket: str) -> None:
    content = json.loads(example.export("cloudformation"))
    types = {value["Type"] for value in content["Resources"].values()}
    assert {
        "AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::Glue::Database", "AWS::Glue::Crawler", "AWS::Athena::WorkGroup",
        "AWS::LakeFormation::PrincipalPermissions", "AWS::LakeFormation::Resource",
        "AWS::LakeFormation::DataCellsFilter", "AWS::CloudWatch::Alarm", "AWS::Budgets::Budget",
        "AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "AWS::Kinesis::Stream", "AWS::DynamoDB::Table",
        "AWS::KinesisFirehose::DeliveryStream", "AWS::Glue::Job", "AWS::EMRServerless::Application",
        "AWS::Kinesis::StreamConsumer", "AWS::CloudFront::Distribution", "AWS::CloudFront::OriginAccessControl",
    } == types  # fmt: skip
    lake = next(value for value in content["Resources"].values() if value["Properties"].get("BucketName") == bucket)
    assert lake["DeletionPolicy"] == "Retain"
    assert {
        "VersioningConfiguration", "BucketEncryption", "PublicAccessBlockConfiguration", "OwnershipControls", "Tags",
        "LifecycleConfiguration", "IntelligentTieringConfigurations", "InventoryConfigurations", "LoggingConfiguration",
        "NotificationConfiguration", "ReplicationConfiguration",
    } < set(lake["Properties"])  # fmt: skip
    members = {member for value in content["Resources"].values() for member in value["Properties"]}
    assert {"MetricsConfigurations", "AnalyticsConfigurations"} <= members, "of the buckets of layers"
    left_out = {text.rpartition(" ")[0] for text in content["Metadata"]["NotInThisTemplate"]}
    assert {"manifest", "bucket", "versioning"} <= left_out, "the replica lies in another region"
    sids = {
        s["Sid"]
        for v in content["Resources"].values()
        for s in v["Properties"].get("PolicyDocument", {}).get("Statement", [])
    }
    assert "LakeworksTlsOnly" in sids, "an export is for AWS, even from a plain endpoint"


def test_a_stack_of_the_template_is_what_bootstrap_wants(ministack_url: str, bucket: str, planned: Planned) -> None:
    fields: dict[str, Any] = {
        "logging": {}, "eventbridge": True, "access": {"readers": [f"{ROLE}/analyst"]}, "tags": {"a": "b"},
        "layer_buckets": {"gold": None}, "alarm": {},
    }  # fmt: skip
    glue = client("glue", ministack_url)
    for database in glue.get_databases()["DatabaseList"]:  # other tests' lakes: a stack wants to make its own
        glue.delete_database(Name=database["Name"])
    template = json.loads(planned(ministack_url, **fields).export("cloudformation"))
    for resource in template["Resources"].values():  # an enforced TLS-only would lock this plain endpoint
        statements = resource["Properties"].get("PolicyDocument", {}).get("Statement", [])
        statements[:] = [one for one in statements if one["Sid"] not in ("LakeworksTlsOnly", "LakeworksTls12")]
    cloudformation = client("cloudformation", ministack_url)
    cloudformation.create_stack(StackName=bucket, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=bucket, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    changes = planned(ministack_url, **fields).changes()
    differs = {change.kind for change in changes if change.outcome != "unchanged"}
    assert {"bucket", "versioning", "public access block", "ownership", "policy", "notifications", "database"} <= {
        change.kind for change in changes
    }
    ignored_by_ministacks_stacks = {"tags", "lifecycle", "access logging"}
    assert differs - ignored_by_ministacks_stacks == {"manifest"}


def test_terraform_refers_only_to_buckets_it_defines(example: LakePlan, bucket: str) -> None:
    text = example.export("terraform")
    resources = json.loads(text)["resource"]
    referred = set(re.findall(r"\$\{aws_s3_bucket\.(\w+)\.id\}", text))
    assert referred == set(resources["aws_s3_bucket"])
    assert len(referred) == 6, "lake, logs, replica, three layers"
    label = bucket.replace("-", "_")
    rules = resources["aws_s3_bucket_lifecycle_configuration"][label]["rule"]
    exports = next(rule for rule in rules if rule["id"] == "lakeworks-old-exports")
    assert (exports["expiration"], exports["filter"]) == ({"days": 730}, {"prefix": "exports/"})
    assert resources["aws_s3_bucket"][label]["lifecycle"] == {"prevent_destroy": True}
    assert set(resources) >= {
        "aws_s3_bucket_policy", "aws_s3_bucket_notification", "aws_s3_bucket_replication_configuration", "aws_athena_workgroup",
        "aws_budgets_budget", "aws_cloudwatch_metric_alarm", "aws_glue_crawler", "aws_lakeformation_permissions",
    }  # fmt: skip
    (delivery,) = resources["aws_kinesis_firehose_delivery_stream"].values()
    assert delivery["depends_on"] == ["aws_kinesis_stream.lakeworks_dev_commerce", f"aws_s3_bucket.{label}"]
    assert delivery["extended_s3_configuration"]["prefix"] == "inbox/commerce_events/!{timestamp:yyyy-MM-dd}/"
    replica = next(value for value in resources["aws_s3_bucket"].values() if "provider" in value)
    assert replica["provider"] == "aws.eu_central_1"
