"""Exports: the CloudFormation template passes AWS's own resource schemas, the Terraform one refers to what it defines."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lakeworks.infrastructure.config import load_config
from lakeworks.infrastructure.lake_bootstrap import LakePlan
from tests.lakeworks.infrastructure.conftest import ROLE, client
from tests.lakeworks.infrastructure.test_config import EXAMPLE

# Argument names of the provider's resources, `!` before required ones, nested blocks within. Made from the schema that the
# package cdktf-cdktf-provider-aws 19.65.1 carries, which is of provider aws 5.100.
ARGUMENTS: dict[str, Any] = json.loads(Path(__file__).with_name("terraform_arguments.json").read_text())
META = {"depends_on", "lifecycle", "provider"}
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
        "AWS::LakeFormation::DataCellsFilter", "AWS::LakeFormation::Tag", "AWS::LakeFormation::TagAssociation",
        "AWS::CloudWatch::Alarm", "AWS::Budgets::Budget",
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


def misfits(body: dict[str, Any], known: dict[str, Any], place: str) -> Iterator[str]:
    """Yield what the provider's schema refuses: unknown arguments, missing ones, a value where a block is."""
    names = {name.removeprefix("!"): inner for name, inner in known.items()}
    yield from (f"{place} lacks {name[1:]}" for name in known if name.startswith("!") and name[1:] not in body)
    for name, value in body.items():
        if name not in names:
            yield f"{place}.{name} is unknown"
            continue
        for block in value if isinstance(value, list) else [value]:
            if names[name] is not None:
                is_block = isinstance(block, dict)
                yield from (
                    misfits(block, names[name], f"{place}.{name}") if is_block else [f"{place}.{name} is a block"]
                )


def terraform_misfits(configuration: dict[str, Any]) -> list[str]:
    """What Terraform would refuse of the resources' arguments."""
    return [
        misfit
        for kind, resources in configuration["resource"].items()
        for label, body in resources.items()
        for misfit in misfits({k: v for k, v in body.items() if k not in META}, ARGUMENTS[kind], f"{kind}.{label}")
    ]


def test_terraform_has_only_arguments_that_the_provider_knows(example: LakePlan, bucket: str) -> None:
    configuration = json.loads(example.export("terraform"))
    assert terraform_misfits(configuration) == []
    made = configuration["resource"]
    label = bucket.replace("-", "_")
    made["aws_s3_bucket_versioning"][label]["versioning_configuration"]["state"] = "Enabled"
    made["aws_athena_workgroup"][label].pop("name")
    made["aws_s3_bucket_policy"][label]["polcy"] = ""
    assert sorted(text.replace(label, "lake") for text in terraform_misfits(configuration)) == [
        "aws_athena_workgroup.lake lacks name",
        "aws_s3_bucket_policy.lake.polcy is unknown",
        "aws_s3_bucket_versioning.lake.versioning_configuration.state is unknown",
    ]


def test_lf_tags_of_tables_that_no_run_made_are_left_out(example: LakePlan) -> None:
    made = json.loads(example.export("terraform"))["resource"]
    assert set(made["aws_lakeformation_lf_tag"]) == {"layer", "domain", "classification"}
    assigned = made["aws_lakeformation_resource_lf_tags"]
    database = assigned["gold_transport"]
    assert database["lf_tag"] == [{"key": "domain", "value": "transport"}, {"key": "layer", "value": "gold"}]
    assert "aws_glue_catalog_database.gold_transport" in database["depends_on"]
    assert {kind for body in assigned.values() for kind in body} == {"database", "lf_tag", "depends_on"}
    content = json.loads(example.export("cloudformation"))
    assert "lf-tags gold_transport.hourly_demand" in content["Metadata"]["NotInThisTemplate"]


def test_lf_tags_are_exported_from_the_widest_to_the_columns(moto_url: str, planned: Planned, tmp_path: Path) -> None:
    """A table has its highest classification before its columns have lower ones."""
    glue, name = client("glue", moto_url), "gold_transport"
    columns = [{"Name": "zone_name", "Type": "string"}, {"Name": "trip_count", "Type": "bigint"}]
    if name not in {one["Name"] for one in glue.get_databases()["DatabaseList"]}:
        glue.create_database(DatabaseInput={"Name": name})
    glue.create_table(
        DatabaseName=name, TableInput={"Name": "hourly_demand", "StorageDescriptor": {"Columns": columns}}
    )
    try:
        plan = planned(moto_url, lake_formation={"roles": [f"{ROLE}/lake"], "tags": True})
        made, content = (json.loads(plan.export(language)) for language in ("terraform", "cloudformation"))
    finally:
        glue.delete_table(DatabaseName=name, Name="hourly_demand")
    assert terraform_misfits(made) == []
    assigned = made["resource"]["aws_lakeformation_resource_lf_tags"]
    of_columns = [body for body in assigned.values() if "table_with_columns" in body]
    of_table = "aws_lakeformation_resource_lf_tags.gold_transport_hourly_demand"
    assert of_columns
    assert all(of_table in body["depends_on"] for body in of_columns)
    (tmp_path / "tags.json").write_text(json.dumps(content, indent=1))
    checked = lint(tmp_path / "tags.json")
    assert (checked.returncode, checked.stdout) == (0, "")
    made_tags = [one for one in content["Resources"].values() if one["Type"].endswith("TagAssociation")]
    assert {next(iter(one["Properties"]["Resource"])) for one in made_tags} == {"Database", "Table", "TableWithColumns"}
