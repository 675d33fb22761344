"""What others share or own: notifications and replication are merged, foreign work groups, alarms and logs are left alone."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from lakeworks.infrastructure import plan_apply as engine
from lakeworks.infrastructure.config import Budget, Crawler, Notification
from lakeworks.infrastructure.lake_bootstrap import LakePlan
from lakeworks.infrastructure.plan_apply import ResourceChange
from lakeworks.infrastructure.resource import Resource
from lakeworks.infrastructure.resources.access_logs import AccessLogs
from lakeworks.infrastructure.resources.alarm_and_budget import MonthlyBudget, StorageAlarm
from lakeworks.infrastructure.resources.athena import WorkGroup
from lakeworks.infrastructure.resources.glue import GlueCrawler
from lakeworks.infrastructure.resources.notifications import Notifications
from lakeworks.infrastructure.resources.replication import ReplicationRules
from tests.lakeworks.infrastructure.conftest import ROLE, client


def applied(resource: Resource, url: str) -> engine.ResourceChange:
    return next(iter(engine.apply([resource], lambda service, region=None: client(service, url))))


def queue(url: str, name: str) -> str:
    sqs = client("sqs", url)
    address = sqs.create_queue(QueueName=name)["QueueUrl"]
    return str(sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def test_notifications_are_merged_and_really_delivered(ministack_url: str, bucket: str) -> None:
    s3 = client("s3", ministack_url)
    s3.create_bucket(Bucket=bucket)
    theirs = {"Id": "theirs", "QueueArn": queue(ministack_url, f"{bucket}-a"), "Events": ["s3:ObjectRemoved:*"]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [theirs]})
    arn = queue(ministack_url, f"{bucket}-b")
    ours = Notifications(bucket, (Notification(id="new-bronze-data", to=arn, prefix="bronze/"),), eventbridge=True)
    assert applied(ours, ministack_url).outcome == "changed"
    assert applied(ours, ministack_url).outcome == "unchanged"
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert {one["Id"] for one in found["QueueConfigurations"]} == {"theirs", "lakeworks-new-bronze-data"}
    assert "EventBridgeConfiguration" in found
    s3.put_object(Bucket=bucket, Key="bronze/a.parquet", Body=b"x")
    sqs = client("sqs", ministack_url)
    address = sqs.get_queue_url(QueueName=f"{bucket}-b")["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=address, MaxNumberOfMessages=10, WaitTimeSeconds=5)["Messages"]
    assert any("bronze/a.parquet" in message["Body"] for message in messages)
    fewer = Notifications(bucket, ())
    assert [str(line)[:2] for line in applied(fewer, ministack_url).lines] == ["- "] * 3, (
        "ours go, theirs and EventBridge stay"
    )
    left = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert ([one["Id"] for one in left["QueueConfigurations"]], "EventBridgeConfiguration" in left) == (
        ["theirs"],
        True,
    )


def versioned(url: str, *names: str) -> Any:
    s3 = client("s3", url)
    for name in names:
        s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return s3


def test_replication_joins_others_rules_unless_their_role_differs(ministack_url: str, bucket: str) -> None:
    s3 = versioned(ministack_url, bucket, f"{bucket}-to")
    theirs = {
        "ID": "theirs", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": "logs/"},
        "DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": {"Bucket": f"arn:aws:s3:::{bucket}-to"},
    }  # fmt: skip
    configuration = {"Role": f"{ROLE}/theirs", "Rules": [theirs]}
    s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=configuration)
    refused = applied(ReplicationRules(bucket, f"{bucket}-to", f"{ROLE}/ours"), ministack_url)
    assert (refused.outcome, "a bucket has only one role" in refused.detail) == ("foreign", True)
    ours = ReplicationRules(bucket, f"{bucket}-to", f"{ROLE}/theirs", encrypted_with_kms=True)
    change = applied(ours, ministack_url)
    assert change.outcome == "changed", change.detail
    assert "not replicated until replication.kms_key_id" in change.remarks[0]
    found = s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]["Rules"]
    names = {rule["ID"].removeprefix("lakeworks-backup-") for rule in found}
    assert names == {
        "theirs",
        "landing",
        "bronze",
        "silver",
        "gold",
        "reference",
        "ledger",
        "quarantine",
        "audits",
        "releases",
        "plans",
        "metadata",
    }
    prefixes = [rule["Filter"]["Prefix"] for rule in found]
    assert "_staging/".startswith(tuple(prefixes)) is False, "deletions are not copied: staging would stay for ever"
    assert len({rule["Priority"] for rule in found}) == len(found)
    assert applied(ours, ministack_url).outcome == "unchanged"


def test_logs_that_go_elsewhere_are_left_alone(ministack_url: str, bucket: str) -> None:
    s3 = versioned(ministack_url, bucket, f"{bucket}-theirs", f"{bucket}-ours")
    status = {"LoggingEnabled": {"TargetBucket": f"{bucket}-theirs", "TargetPrefix": "x/"}}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=status)
    assert applied(AccessLogs(bucket, f"{bucket}-ours"), ministack_url).outcome == "foreign"
    repaired = applied(AccessLogs(bucket, f"{bucket}-theirs"), ministack_url)
    assert (repaired.outcome, str(repaired.lines[0])) == ("changed", f"~ TargetPrefix: x/ -> access-logs/{bucket}/")


def test_a_work_group_is_made_and_repaired_and_anothers_is_left_alone(ministack_url: str, bucket: str) -> None:
    athena = client("athena", ministack_url)
    assert applied(WorkGroup(bucket, f"s3://{bucket}/_results/"), ministack_url).outcome == "created"
    athena.update_work_group(WorkGroup=bucket, ConfigurationUpdates={"BytesScannedCutoffPerQuery": 10**13})
    repaired = applied(WorkGroup(bucket, f"s3://{bucket}/_results/"), ministack_url)
    assert [str(line) for line in repaired.lines] == ["~ BytesScannedCutoffPerQuery: 10000000000000 -> 1073741824"]
    athena.create_work_group(Name=f"{bucket}-theirs", Description="theirs")
    assert applied(WorkGroup(f"{bucket}-theirs", "s3://x/"), ministack_url).outcome == "foreign"


GROUPS = {"analysts": [{"name": "finance", "scan_limit_bytes": 10**10}], "tenants": [{"tenant": "acme"}]}


def test_analysts_and_tenants_have_work_groups_that_bind_their_users(
    ministack_url: str, bucket: str, planned: Callable[..., LakePlan]
) -> None:
    def groups(changes: Sequence[ResourceChange]) -> dict[str, str]:
        return {item.name: item.outcome for item in changes if item.kind == "athena work group"}

    names = (bucket, f"{bucket}-finance", f"{bucket}-tenant-acme")
    plan = planned(ministack_url, athena=GROUPS)
    assert groups(plan.changes()) == dict.fromkeys(names, "create")
    assert [groups(plan.apply()) for _ in range(2)] == [
        dict.fromkeys(names, "created"),
        dict.fromkeys(names, "unchanged"),
    ]
    athena = client("athena", ministack_url)
    found = {name: athena.get_work_group(WorkGroup=name)["WorkGroup"]["Configuration"] for name in names}
    assert all(item["EnforceWorkGroupConfiguration"] for item in found.values())
    assert {
        item["ResultConfiguration"]["OutputLocation"]: item["BytesScannedCutoffPerQuery"] for item in found.values()
    } == {
        f"s3://{bucket}/_results/": 1024**3,
        f"s3://{bucket}/_results/group=finance/": 10**10,
        f"s3://{bucket}/_results/tenant=acme/": 1024**3,
    }
    athena.update_work_group(
        WorkGroup=names[1],
        ConfigurationUpdates={"EnforceWorkGroupConfiguration": False, "RemoveBytesScannedCutoffPerQuery": True},
    )
    assert groups(plan.changes())[names[1]] == "change", "a group that was loosened by hand"
    template = json.loads(plan.export("cloudformation"))["Resources"].values()
    exported = {item["Properties"]["Name"] for item in template if item["Type"] == "AWS::Athena::WorkGroup"}
    terraform = json.loads(plan.export("terraform"))["resource"]["aws_athena_workgroup"].values()
    assert exported == {item["name"] for item in terraform} == set(names)


def test_an_alarm_is_made_with_the_dimension_s3_reports_by(ministack_url: str, bucket: str) -> None:
    alarm = StorageAlarm(f"{bucket}-storage-cost-alarm", bucket, 10**12)
    assert [applied(alarm, ministack_url).outcome for _ in range(2)] == ["created", "unchanged"]
    (found,) = client("cloudwatch", ministack_url).describe_alarms(AlarmNames=[alarm.name])["MetricAlarms"]
    assert {"Name": "StorageType", "Value": "StandardStorage"} in found["Dimensions"]
    more = StorageAlarm(f"{bucket}-storage-cost-alarm", bucket, 2 * 10**12)
    assert [str(line) for line in applied(more, ministack_url).lines] == [
        "~ Threshold: 1000000000000.0 -> 2000000000000.0"
    ]


def test_a_budget_warns_at_eighty_percent_and_follows_lake_yml(ministack_url: str, bucket: str) -> None:
    def budget(**changes: Any) -> MonthlyBudget:
        wish = Budget.model_validate({"monthly_usd": 1000, "emails": ["a@example.com"], **changes})
        return MonthlyBudget(f"{bucket}-budget", "000000000000", wish, "acme")

    assert [applied(budget(), ministack_url).outcome for _ in range(2)] == ["created", "unchanged"]
    of = {"AccountId": "000000000000", "BudgetName": f"{bucket}-budget"}
    budgets = client("budgets", ministack_url)
    assert budgets.describe_notifications_for_budget(**of)["Notifications"][0]["Threshold"] == 80
    changed = applied(budget(monthly_usd=2000, alert_at_percent=90), ministack_url)
    assert {str(line) for line in changed.lines} == {"~ Amount: 1000.0 -> 2000.0", "~ AlertAtPercent: 80.0 -> 90.0"}
    assert [alert["Threshold"] for alert in budgets.describe_notifications_for_budget(**of)["Notifications"]] == [90]


def test_a_crawler_of_ours_is_updated_and_anothers_left_alone(ministack_url: str, bucket: str) -> None:
    def crawler(schedule: str) -> GlueCrawler:
        wish = Crawler(name="x", role_arn=f"{ROLE}/c", database="d", prefix="exports/", schedule=schedule)
        return GlueCrawler(f"lakeworks-{bucket}", wish, bucket)

    assert applied(crawler("cron(0 6 * * ? *)"), ministack_url).outcome == "created"
    assert [str(line) for line in applied(crawler("cron(0 7 * * ? *)"), ministack_url).lines] == [
        "~ Schedule: cron(0 6 * * ? *) -> cron(0 7 * * ? *)"
    ]
    definition = {"Role": f"{ROLE}/c", "DatabaseName": "d", "Targets": {"S3Targets": [{"Path": "s3://x/"}]}}
    client("glue", ministack_url).create_crawler(Name=f"{bucket}-theirs", **definition)
    theirs = GlueCrawler(
        f"{bucket}-theirs", Crawler(name="x", role_arn=f"{ROLE}/c", database="d", prefix="exports/"), bucket
    )
    assert applied(theirs, ministack_url).outcome == "foreign"
