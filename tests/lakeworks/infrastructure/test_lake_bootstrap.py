"""Bootstrap as a whole: made once, unchanged the second time, others' settings kept, drift repaired, errors clear."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from lakeworks.core.layout import epoch_key
from lakeworks.errors import ConfigError, CredentialsExpired, LakeAccessDenied, NotPrimary
from lakeworks.failover.replica_refusal import refuse_replicas
from lakeworks.infrastructure.config import Notification, load_config
from lakeworks.infrastructure.lake_bootstrap import LakePlan
from lakeworks.infrastructure.resources.bucket_manifest import KEY
from lakeworks.ledger.epoch import FIRST, EpochRegister
from lakeworks.s3.object_store import ObjectStore
from tests.conftest import client as new_client
from tests.lakeworks.infrastructure.conftest import ROLE, client, one, outcomes
from tests.lakeworks.infrastructure.test_config import EXAMPLE

Planned = Callable[..., LakePlan]


def denying(url: str, operations: set[str], code: str = "AccessDenied", status: int = 403) -> Callable[..., Any]:
    """Clients that refuse some operations as AWS would."""

    def refuse(params: Any, model: Any, **_: Any) -> Any:
        if model.name in operations:
            error = {"Error": {"Code": code, "Message": "refused"}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(error, model.name)  # type: ignore[arg-type]

    def make(service: str, region: str | None = None) -> Any:
        found = new_client(service, url)
        found.meta.events.register("before-call", refuse)
        return found

    return make


def test_a_plan_changes_nothing_and_an_apply_is_made_once(ministack_url: str, bucket: str, planned: Planned) -> None:
    s3 = client("s3", ministack_url)
    before = planned(ministack_url).changes()
    assert one(before, "lifecycle").outcome == one(before, "bucket").outcome == "create"
    assert bucket not in [found["Name"] for found in s3.list_buckets()["Buckets"]]

    first, second = planned(ministack_url).apply(), planned(ministack_url).apply()
    assert set(outcomes(first, bucket).values()) <= {"created", "unchanged", "unsupported"}
    assert {c.kind for c in first if c.outcome == "unsupported"} == {"policy"}, "TLS-only would lock a plain endpoint"
    assert {change.outcome for change in second if change.kind != "policy"} == {"unchanged"}

    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    rules = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
    assert rules["lakeworks-bronze-to-glacier"]["Transitions"] == [
        {"Days": 90, "StorageClass": "GLACIER_IR"}, {"Days": 365, "StorageClass": "DEEP_ARCHIVE"},
    ]  # fmt: skip
    group = client("athena", ministack_url).get_work_group(WorkGroup=bucket)["WorkGroup"]["Configuration"]
    assert (group["EnforceWorkGroupConfiguration"], group["BytesScannedCutoffPerQuery"]) == (True, 1024**3)


def test_what_others_made_is_kept_and_what_drifted_is_repaired(
    ministack_url: str, bucket: str, planned: Planned
) -> None:
    s3 = client("s3", ministack_url)
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "cost-centre", "Value": "7"}]})
    theirs = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [theirs]})
    planned(ministack_url).apply()
    tags = {tag["Key"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
    assert tags == {"cost-centre", "managed-by", "project", "environment"}
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert theirs in rules

    for rule in rules:
        if rule["ID"] == "lakeworks-gold-expiration":
            rule["Expiration"]["Days"] = 3
    ours = {"ID": "lakeworks-no-longer", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [*rules, ours]})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    drift = planned(ministack_url).changes()
    assert [str(line) for line in one(drift, "versioning").lines] == ["~ Status: Suspended -> Enabled"]
    lines = [str(line) for line in one(drift, "lifecycle").lines]
    assert "~ lakeworks-gold-expiration.Expiration.Days: 3 -> 395" in lines
    assert "- lakeworks-no-longer.Expiration.Days (was 3)" in lines
    planned(ministack_url).apply()
    names = {rule["ID"] for rule in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
    assert ("theirs" in names, "lakeworks-no-longer" in names) == (True, False)


def test_stronger_encryption_and_a_hand_written_manifest_are_left_alone(
    moto_url: str, bucket: str, planned: Planned
) -> None:
    s3 = client("s3", moto_url)
    s3.create_bucket(Bucket=bucket)
    kms = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "key"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [kms]})
    s3.put_object(Bucket=bucket, Key=KEY, Body=b"purpose: ours\n")
    changes = planned(moto_url).apply()
    assert (one(changes, "encryption").outcome, one(changes, "manifest").outcome) == ("foreign", "foreign")
    assert "set encryption.kms_key_id" in one(changes, "encryption").detail
    assert s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() == b"purpose: ours\n"
    declared = planned(moto_url, encryption={"kms_key_id": "key"})
    assert outcomes(declared.apply())["encryption"] == "changed", "the bucket key was missing"


def test_one_call_without_permission_leaves_the_others_to_happen(moto_url: str, bucket: str, planned: Planned) -> None:
    refused = {"PutBucketVersioning", "GetBucketTagging", "CreateWorkGroup"}
    first = planned(moto_url, clients=denying(moto_url, refused)).apply()
    found = outcomes(first)
    assert {kind for kind, outcome in found.items() if outcome == "denied"} == {
        "versioning",
        "tags",
        "athena work group",
    }
    assert "Check the credentials and their policy" in one(first, "tags").detail
    assert found["encryption"] == found["manifest"] == "created"
    second = outcomes(planned(moto_url).apply())
    assert [second[kind] for kind in ("versioning", "tags", "athena work group", "manifest")] == [
        *["created"] * 3,
        "unchanged",
    ]


def test_an_expired_token_is_reported_before_anything_is_changed(moto_url: str, bucket: str, planned: Planned) -> None:
    expired = denying(moto_url, {"GetCallerIdentity"}, "ExpiredToken")
    with pytest.raises(CredentialsExpired, match="ExpiredToken.*renew them"):
        planned(moto_url, clients=expired)


def test_a_token_that_expires_on_the_way_ends_the_run_and_a_second_one_completes_it(
    moto_url: str, bucket: str, planned: Planned
) -> None:
    made: list[str] = []
    plan = planned(moto_url, clients=denying(moto_url, {"PutBucketTagging"}, "ExpiredToken", 400))
    with pytest.raises(CredentialsExpired, match=r"ExpiredToken.*completes the rest"):
        plan.apply(lambda change: made.append(change.kind))
    assert made == ["bucket", "encryption", "versioning", "public access block", "ownership"]
    assert outcomes(planned(moto_url).apply())["tags"] == "created"


def test_a_bucket_of_another_account_is_an_error_and_nothing_is_changed(
    moto_url: str, bucket: str, planned: Planned
) -> None:
    made: list[str] = []
    anothers = denying(moto_url, {"HeadBucket", "ListObjectsV2"}, "403")
    with pytest.raises(LakeAccessDenied, match=r"another account.*Nothing was changed"):
        planned(moto_url, clients=anothers).apply(lambda change: made.append(change.kind))
    assert made == []
    assert bucket not in [found["Name"] for found in client("s3", moto_url).list_buckets()["Buckets"]]


def test_wrong_keys_are_reported_by_a_real_server(
    seaweed_url: str, moto_url: str, bucket: str, planned: Planned
) -> None:
    stranger = new_client("s3", seaweed_url)
    stranger._request_signer._credentials.secret_key = "wrong"

    def clients(service: str, region: str | None = None) -> Any:
        return stranger if service == "s3" else client(service, moto_url)

    with pytest.raises(LakeAccessDenied, match=r"SignatureDoesNotMatch.*Check the credentials"):
        planned(seaweed_url, clients=clients)


def test_a_name_taken_by_another_account_is_an_error(moto_url: str, bucket: str, planned: Planned) -> None:
    taken = denying(moto_url, {"CreateBucket"}, "BucketAlreadyExists", 409)
    with pytest.raises(LakeAccessDenied, match=r"taken by another account.*Choose another"):
        planned(moto_url, clients=taken).apply()


def test_a_race_for_the_bucket_is_won_by_both(moto_url: str, bucket: str, planned: Planned) -> None:
    client("s3", moto_url).create_bucket(Bucket=bucket)
    raced = denying(moto_url, {"CreateBucket"}, "BucketAlreadyOwnedByYou", 409)
    assert outcomes(planned(moto_url, clients=raced).apply())["bucket"] == "unchanged"


def test_a_wrong_name_or_region_is_reported_before_anything_is_made(
    moto_url: str, bucket: str, planned: Planned
) -> None:
    planned(moto_url, region="eu-west-1").apply()
    s3 = client("s3", moto_url)
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "eu-west-1"
    with pytest.raises(ConfigError, match=r"is in eu-west-1, not in us-east-1.*LAKE_REGION=eu-west-1"):
        planned(moto_url).apply()


def test_an_endpoint_that_lacks_settings_gets_the_others(
    seaweed_url: str, moto_url: str, bucket: str, planned: Planned
) -> None:
    def clients(service: str, region: str | None = None) -> Any:
        return client(service, seaweed_url if service == "s3" else moto_url)

    found = outcomes(planned(seaweed_url, clients=clients).apply())
    assert (found["versioning"], found["tags"]) == ("created", "created")
    assert (found["lifecycle"], found["public access block"]) == ("unsupported", "unsupported")
    # SeaweedFS takes SSE-S3 and then answers every write with 500: taken back, so that the lake can be written
    assert (found["encryption"], found["manifest"]) == ("unsupported", "created")
    forgets = one(planned(moto_url).apply(), "lifecycle")
    assert (forgets.outcome, "NewerNoncurrentVersions" in forgets.detail) == ("unsupported", True)


def test_every_field_of_the_example_is_made_or_its_lack_is_reported(
    ministack_url: str, bucket: str, planned: Planned
) -> None:
    queue = client("sqs", ministack_url).create_queue(QueueName=bucket)["QueueUrl"]
    arn = client("sqs", ministack_url).get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    fields = load_config(EXAMPLE).model_dump(mode="json", exclude={"unique"}, exclude_unset=True)
    fields["notifications"][0]["to"] = arn
    fields["athena"]["name"] = None
    fields["crawlers"][0]["name"] = bucket
    first = planned(ministack_url, **fields).apply()
    assert [str(change) for change in first if change.outcome in ("denied", "failed", "refused")] == []
    not_kept = {change.kind for change in first if change.outcome == "unsupported"}
    dropped = {"policy", "intelligent tiering", "inventory", "request metrics", "storage class analysis"}
    unknown_here = {"grant", "lake formation location", "iam allowed principals", "lf-tag", "lf-tags"}
    unknown_here |= {"delivery stream", "emr serverless application", "glue job"}
    assert not_kept == dropped | unknown_here, "silently dropped, found by reading back, or not known to this stand-in"
    second = planned(ministack_url, **fields).apply()
    of_columns = {"column filter", "column lf-tags"}
    assert {change.outcome for change in second if change.kind not in not_kept | of_columns} == {"unchanged"}
    assert {change.outcome for change in second if change.kind in of_columns} == {"postponed"}
    assert len({change.kind for change in first}) >= 18

    s3 = client("s3", ministack_url)
    unique = bucket.removeprefix("boot-")
    copied = s3.get_bucket_lifecycle_configuration(Bucket=f"lakeworks-dev-backup-{unique}")["Rules"]
    assert {"lakeworks-gold-expiration", "lakeworks-rollback-horizon"} <= {rule["ID"] for rule in copied}
    assert not any("Transitions" in rule for rule in copied)
    replica = s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]["Rules"][0]["Destination"]["Bucket"]
    assert replica == f"arn:aws:s3:::lakeworks-dev-backup-{unique}"
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]["TargetBucket"] == f"lakeworks-dev-logs-{unique}"
    manifest = yaml.safe_load(s3.get_object(Bucket=bucket, Key=KEY)["Body"].read())
    assert manifest["owner"]["contact_email"] == "data-platform@example.com"
    assert manifest["created_by"]["method"] == "lakeworks bootstrap"
    assert {"transport"} <= set(manifest["data"]["domains"])


COPIED = {"replication": {"region": "eu-west-1", "role_arn": f"{ROLE}/replication"}}


def test_a_lake_with_a_copy_says_from_the_first_day_which_bucket_publishes(
    ministack_url: str, bucket: str, planned: Planned
) -> None:
    """Before its first takeover, a copy did not know that it is one, and a run started there published."""
    s3 = client("s3", ministack_url)
    assert "epoch" not in outcomes(planned(ministack_url).apply())
    assert outcomes(planned(ministack_url, **COPIED).apply())["epoch"] == "created"
    assert outcomes(planned(ministack_url, **COPIED).apply())["epoch"] == "unchanged"
    body = s3.get_object(Bucket=bucket, Key=epoch_key())["Body"].read()
    assert EpochRegister(ObjectStore(s3, bucket)).require() == FIRST
    copy = f"lakeworks-dev-backup-{bucket.removeprefix('boot-')}"
    s3.put_object(Bucket=copy, Key=epoch_key(), Body=body)  # as replication does
    with pytest.raises(NotPrimary, match=f"{copy}` is a copy of the lake.*{bucket}` .us-east-1. is the primary"):
        EpochRegister(ObjectStore(s3, copy)).require()


def test_bootstrap_leaves_the_epoch_of_a_takeover(ministack_url: str, bucket: str, planned: Planned) -> None:
    planned(ministack_url, **COPIED).apply()
    register = EpochRegister(ObjectStore(client("s3", ministack_url), bucket))
    document, etag = register.load()
    assert document
    later = document.model_copy(update={"epoch": 2, "bucket": "lake-eu", "region": "eu-west-1"})
    register.replace(later, etag)
    with pytest.raises(
        ConfigError, match=f"s3://{bucket}` is a copy: `s3://lake-eu` is the primary.*Nothing was changed"
    ):
        planned(ministack_url, **COPIED)
    assert "epoch" not in outcomes(planned(ministack_url).apply())
    assert register.load()[0] == later
    back = document.model_copy(update={"epoch": 3})  # the bucket took over again
    register.replace(back, register.load()[1])
    assert outcomes(planned(ministack_url, **COPIED).apply())["epoch"] == "unchanged"
    assert register.load()[0] == back


def rule_to(bucket: str, status: str = "Enabled") -> dict[str, Any]:
    """A replication of everything to a bucket."""
    rule = {
        "ID": "back", "Priority": 1, "Status": status, "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": {"Bucket": f"arn:aws:s3:::{bucket}"},
    }  # fmt: skip
    return {"Role": f"{ROLE}/replication", "Rules": [rule]}


def test_two_buckets_that_replicate_to_each_other_are_refused(
    ministack_url: str, bucket: str, planned: Planned
) -> None:
    """Each would call itself the primary. A primary that refuses replicas may have rules back: that is the way back."""
    s3, copy = client("s3", ministack_url), f"lakeworks-dev-backup-{bucket.removeprefix('boot-')}"
    planned(ministack_url, **COPIED).apply()
    s3.put_bucket_replication(Bucket=copy, ReplicationConfiguration=rule_to(bucket))
    with pytest.raises(
        ConfigError, match=rf"to `s3://{copy}`, which replicates to `s3://{bucket}` already.*Nothing was changed"
    ):
        planned(ministack_url, **COPIED)
    assert planned(ministack_url).changes(), "without replication there is nothing to refuse"
    s3.put_bucket_replication(Bucket=copy, ReplicationConfiguration=rule_to(bucket, "Disabled"))
    assert planned(ministack_url, **COPIED).changes()
    s3.put_bucket_replication(Bucket=copy, ReplicationConfiguration=rule_to(bucket))
    refuse_replicas(s3, bucket, "us-east-1")
    assert planned(ministack_url, **COPIED).changes()


def test_a_copy_of_one_prefix_is_no_lake_that_could_take_over(
    ministack_url: str, bucket: str, planned: Planned
) -> None:
    copied = {"replication": {**COPIED["replication"], "prefix": "gold/"}}
    assert "epoch" not in outcomes(planned(ministack_url, **copied).apply())


def test_a_setting_that_is_answered_but_not_kept_is_found(moto_url: str, bucket: str, planned: Planned) -> None:
    tiering = [{"prefix": "exports/"}]
    change = one(planned(moto_url, intelligent_tiering=tiering).apply(), "intelligent tiering")
    assert (change.outcome, "accepted but not kept" in change.detail) == ("unsupported", True), (
        "moto answers 200 and forgets"
    )
    assert "must be restored first" in change.remarks[0]


def test_roles_of_lake_yml_reach_the_policy(moto_url: str, bucket: str, planned: Planned) -> None:
    access = {"readers": [f"{ROLE}/analyst"]}
    assert outcomes(planned(moto_url, access=access).apply())["policy"] == "created"
    assert outcomes(planned(moto_url, access=access).apply())["policy"] == "unchanged"


def test_every_bucket_with_layers_has_an_alarm_of_its_own(ministack_url: str, bucket: str, planned: Planned) -> None:
    """With a bucket for each layer, the one alarm watched the main bucket, in which no layer lies."""
    layers = {layer: f"{bucket}-{layer}" for layer in ("bronze", "silver", "gold")}
    planned(ministack_url, layer_buckets=layers, alarm={"above_bytes": 5}).apply()
    found = client("cloudwatch", ministack_url).describe_alarms(AlarmNamePrefix=bucket)["MetricAlarms"]
    watched = {one["Dimensions"][0]["Value"] for one in found if one["Dimensions"][0]["Name"] == "BucketName"}
    assert watched == {bucket, *layers.values()}


def test_a_bucket_a_layer_is_guarded_like_the_lakes_own(ministack_url: str, bucket: str, planned: Planned) -> None:
    layers = {"bronze": None, "gold": f"{bucket}-gold"}
    unique = bucket.removeprefix("boot-")
    silver = Notification(id="silver", to="arn:aws:sqs:us-east-1:000000000000:q", prefix="silver/")
    plan = planned(ministack_url, layer_buckets=layers, notifications=[silver])
    notified = [change.name for change in plan.changes() if change.kind == "notifications" and change.lines]
    assert notified == [bucket], "silver has no bucket of its own"
    made = planned(ministack_url, layer_buckets=layers).apply()
    assert {
        change.outcome for change in planned(ministack_url, layer_buckets=layers).apply() if change.kind != "policy"
    } == {"unchanged"}
    s3 = client("s3", ministack_url)
    names = {"bronze": f"lakeworks-dev-bronze-{unique}", "gold": f"{bucket}-gold", "lake": bucket}
    rules = {
        layer: {
            rule["ID"].removeprefix("lakeworks-")
            for rule in s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        }
        for layer, name in names.items()
    }
    everywhere = {"rollback-horizon", "rollback-versions", "abort-incomplete-multipart-upload"}
    assert rules["bronze"] == {"bronze-to-glacier", *everywhere}
    assert rules["gold"] == {"gold-expiration", *everywhere}
    assert {"silver-to-glacier", "expire-staging"} < rules["lake"]
    assert not {"bronze-to-glacier", "gold-expiration"} & rules["lake"]
    for name in names.values():
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
        assert outcomes(made, name)["public access block"] == "created"
