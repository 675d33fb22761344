"""Runs under exactly the printed policy, on ministack with policies enforced; with one action less, the failure names it."""

import json
import re
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lakeworks.aws_errors import translated
from lakeworks.catalog.indexes import WORTH_IT, ensure_index
from lakeworks.core.partition import Partition
from lakeworks.cost.object_inventory import from_listing
from lakeworks.cost.report import bucket_lifecycle
from lakeworks.errors import FailoverRefused, LakeAccessDenied, LakeNotFound, LakeUnavailable
from lakeworks.failover.region_takeover import RegionTakeover
from lakeworks.infrastructure.bucket_deletion import list_buckets, policy_of
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.lake_bootstrap import plan_lake
from lakeworks.infrastructure.plan_apply import PROBLEMS, ResourceChange
from lakeworks.lake import Lake
from lakeworks.ledger.epoch import EpochDocument, EpochRegister
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.garbage_collection import collect
from lakeworks.permissions.aws_call import Purpose
from lakeworks.publications.withdrawal import withdraw
from lakeworks.s3.object_store import ObjectStore
from lakeworks.settings import Settings
from tests.conftest import client
from tests.lakeworks.doctor.conftest import CONTRACTS, deployment_at, diagnoses
from tests.lakeworks.permissions.conftest import ROOT, Guarded, actions_of
from tests.protocol.test_bad_input import Given, arrived, events, run

RunAt = Callable[..., Run]
DAY = Partition.parse("year=2019/month=01/day=05")


def life_of_a_table(user: Lake, run_at: RunAt) -> None:
    """A first publication, a correction with a wider table, a read by version, an index, a withdrawal."""
    run(user, events(), run_at(1), Given(arrived(id=[1, 2])))
    run(user, events(), run_at(2), Given(arrived(id=[1, 2, 3]), datetime(2026, 2, 1, tzinfo=UTC)))
    (entry,) = user.ledger.live_partitions(events().table).values()
    for item in entry.objects:
        user.store.get(item.key, item.version_id)
    user.catalog.upsert_table(events(description="another"), user.location(events()))
    user.catalog.align(events())
    place = {"DatabaseName": user.catalog.database(events().table), "TableName": events().table.table}
    ensure_index(user.catalog.client, place, events().partition_keys, WORTH_IT)
    withdraw(user, events(), DAY)


def housekeeping(user: Lake, run_at: RunAt) -> None:
    """What the night does beside: an old upload is aborted."""
    run(user, events(), run_at(1), Given(arrived(id=[1, 2])))
    user.store.client.create_multipart_upload(Bucket=user.store.bucket, Key="landing/x")
    found = collect(user, [events()], older_than=timedelta(0), dry_run=False)
    assert "landing/x" in [item.where for item in found]
    list(from_listing(user.store, "landing/"))


def a_night(user: Lake, run_at: RunAt) -> None:
    """What maintenance repairs of a table, and its housekeeping."""
    life_of_a_table(user, run_at)
    housekeeping(user, run_at)


# Asked by what no run of a test brings about here. `test_not_asked_for.py` proves that they are not asked for.
NOT_RUN = {"s3:AbortMultipartUpload": "an upload in parts that fails; see the night"}
NOT_AT_NIGHT = {
    "s3:RestoreObject": "an archived object",
    "s3:DeleteObjectVersion": "a dev lake whose life has ended",
    "glue:DeleteDatabase": "a dev lake whose life has ended",
}
CASES = [
    (purpose, work, action)
    for purpose, work, listed in ((Purpose.RUN, life_of_a_table, NOT_RUN), (Purpose.MAINTENANCE, a_night, NOT_AT_NIGHT))
    for action in ["", *sorted(set(actions_of(purpose)) - set(listed))]
]


@pytest.mark.parametrize(("purpose", "work", "without"), CASES)
def test_work_needs_what_its_policy_says(
    guarded: Guarded, run_at: RunAt, tmp_path: Path, purpose: Purpose, work: Callable[..., None], without: str
) -> None:
    without_database(guarded.url)
    guarded.grant(purpose, without=without)
    user = guarded.lake(tmp_path, guarded.user)
    if not without:
        work(user, run_at)
        return
    with pytest.raises(LakeAccessDenied) as refused:
        work(user, run_at)
    assert re.search(rf"denied: .*{without.partition(':')[2]}\b", str(refused.value)), refused.value


def reading(user: Lake) -> None:
    """What an analyst's `lakeworks sql` asks for."""
    assert user.catalog.table(events().table)
    for entry in user.ledger.live_partitions(events().table).values():
        for item in entry.objects:
            user.store.get(item.key, item.version_id)


# Asked by a reader's query on Athena: `test_athena_enforced.py`.
READ = ("s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "glue:GetTable")
NOT_READ = sorted(set(actions_of(Purpose.READ)) - set(READ))


@pytest.mark.parametrize("without", ["", *READ])
def test_a_reader_reads_what_is_published_and_writes_nothing(
    guarded: Guarded, run_at: RunAt, tmp_path: Path, without: str
) -> None:
    run(guarded.lake(tmp_path, ROOT), events(), run_at(1), Given(arrived(id=[1, 2])))
    guarded.grant(Purpose.READ, without=without)
    user = guarded.lake(tmp_path, guarded.user)
    if without:
        with pytest.raises(LakeAccessDenied, match=f"denied: .*{without.partition(':')[2]}"):
            reading(user)
        return
    reading(user)
    for refused in (lambda: user.store.put("silver/x", b"x"), lambda: list(user.store.scan("landing/"))):
        with pytest.raises(LakeAccessDenied):
            refused()


def billed(user: Lake) -> None:
    """What the bill reads of a bucket without an inventory."""
    assert [item for item in from_listing(user.store) if item.key.startswith("bronze/")]
    assert bucket_lifecycle(user)("bronze/x")


NOT_BILLED = {
    "athena:BatchGetQueryExecution": "costs of queries", "athena:ListQueryExecutions": "costs of queries",
    "ce:GetCostAndUsage": "`cost actual`: no stand-in has Cost Explorer", "s3:GetObject": "an inventory",
    "s3:ListBucket": "an inventory",
}  # fmt: skip


@pytest.mark.parametrize("without", ["", *sorted(set(actions_of(Purpose.COST)) - set(NOT_BILLED))])
def test_the_bill_needs_no_object_of_a_table(guarded: Guarded, run_at: RunAt, tmp_path: Path, without: str) -> None:
    run(guarded.lake(tmp_path, ROOT), events(), run_at(1), Given(arrived(id=[1, 2])))
    guarded.grant(Purpose.COST, without=without)
    user = guarded.lake(tmp_path, guarded.user)
    if without:
        with pytest.raises(LakeAccessDenied, match=f"denied: .*{without.partition(':')[2]}"):
            billed(user)
        return
    billed(user)
    with pytest.raises(LakeAccessDenied, match="denied: s3:GetObject"):
        user.store.get("bronze/x")


READER = "arn:aws:iam::000000000000:role/analyst"
PLAIN = LakeConfig.model_validate({"athena": None, "eventbridge": True, "access": {"readers": [READER]}})


def bootstrapped(guarded: Guarded) -> list[ResourceChange]:
    """Outcomes of a bootstrap by the user, for one table, in a bucket that has nothing of what it should have."""
    s3, bucket = client("s3", guarded.url, **ROOT), guarded.bucket
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    flags = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(flags, False))
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    settings = Settings(bucket=bucket, region="us-east-1", config_file=None, kms_key_id=None)
    return plan_lake(settings, guarded.client, PLAIN, contracts=[events()]).apply()


def without_database(url: str, name: str = "") -> None:
    """The catalog is the server's, shared by the tests of this module."""
    with suppress(LakeNotFound), translated("drop", "the database of the test before"):
        client("glue", url, **ROOT).delete_database(Name=name or events().table.database)


# Asked of by nothing that this bucket lacks: SSE-S3 is there from the beginning, and the bucket exists.
BEFORE = {"s3:CreateBucket", "s3:PutEncryptionConfiguration", "s3:DeleteObject"}
SETTINGS = sorted(set(actions_of(Purpose.BOOTSTRAP, PLAIN)) - BEFORE - {"s3:ListBucket"})


@pytest.mark.parametrize("without", ["", *SETTINGS])
def test_bootstrap_needs_what_its_policy_says(guarded: Guarded, without: str) -> None:
    without_database(guarded.url)
    guarded.grant(Purpose.BOOTSTRAP, without=without, config=PLAIN)
    problems = [item for item in bootstrapped(guarded) if item.outcome in PROBLEMS]
    assert {item.outcome for item in problems} == ({"denied"} if without else set()), problems
    assert all(re.search(rf"denied: .*{without.partition(':')[2]}\b", item.detail) for item in problems), problems


def test_a_bootstrap_that_may_not_look_at_the_bucket_stops_before_any_change(guarded: Guarded) -> None:
    guarded.grant(Purpose.BOOTSTRAP, without="s3:ListBucket", config=PLAIN)
    with pytest.raises(LakeAccessDenied, match=r"lack s3:ListBucket\. Nothing was changed"):
        bootstrapped(guarded)


# The doctor goes on without them: they are Athena's own, or of a service that ministack lacks.
HARMLESS = {
    "lakeformation:GetDataLakeSettings",
    "athena:StopQueryExecution", "s3:AbortMultipartUpload", "s3:GetBucketLocation",
    "s3:GetObject", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions", "s3:ListMultipartUploadParts",
}  # fmt: skip


# To ministack each of the two is the right to delete a version; to AWS only the second is.
DELETION = {"s3:DeleteObject", "s3:DeleteObjectVersion"}


def failures_of_doctor(guarded: Guarded, scratch: Path, without: str | Collection[str]) -> list[str]:
    """Let a user without some actions examine a lake that has everything."""
    glue = client("glue", guarded.url, **ROOT)
    for item in CONTRACTS:
        with suppress(LakeUnavailable), translated("make", "a database"):
            glue.create_database(DatabaseInput={"Name": item.table.database})
    client("athena", guarded.url, **ROOT).create_work_group(
        Name=guarded.bucket,
        Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{guarded.bucket}/_results/"}},
    )
    guarded.grant(Purpose.DOCTOR, without=without)
    found = diagnoses(deployment_at(guarded.url, guarded.bucket, scratch, clients=guarded.client))
    return [item.detail for item in found.values() if item.state == "failure"]


@pytest.mark.parametrize("without", ["", *sorted(set(actions_of(Purpose.DOCTOR)) - HARMLESS - DELETION)])
def test_the_doctor_needs_what_its_policy_says(guarded: Guarded, tmp_path: Path, without: str) -> None:
    failures = failures_of_doctor(guarded, tmp_path, without)
    assert bool(failures) == bool(without), failures
    assert all(without.partition(":")[2] in text for text in failures), failures


def test_the_doctor_needs_the_right_to_remove_its_trials(guarded: Guarded, tmp_path: Path) -> None:
    failures = failures_of_doctor(guarded, tmp_path, DELETION)
    assert failures
    assert all("Delete" in text for text in failures), failures


def replicated(guarded: Guarded, primary: str) -> None:
    """Copy every object of the primary, as S3 replication does; the catalog of the other region is empty."""
    s3 = client("s3", guarded.url, **ROOT)
    for item in s3.list_objects_v2(Bucket=primary)["Contents"]:
        there = {"Bucket": primary, "Key": item["Key"]}
        s3.copy_object(Bucket=guarded.bucket, Key=item["Key"], CopySource=there, MetadataDirective="COPY")
    without_database(guarded.url)


def publishing(guarded: Guarded, primary: str, run_at: RunAt, scratch: Path) -> None:
    """Publish a partition at a primary that replicates here."""
    without_database(guarded.url)
    s3 = client("s3", guarded.url, **ROOT)
    s3.create_bucket(Bucket=primary)
    s3.put_bucket_versioning(Bucket=primary, VersioningConfiguration={"Status": "Enabled"})
    lake = replace(guarded, bucket=primary).lake(scratch, ROOT)
    EpochRegister(lake.store).replace(
        EpochDocument(bucket=primary, region="us-east-1", since=datetime(2026, 1, 1, tzinfo=UTC)), ""
    )
    run(lake, events(), run_at(1), Given(arrived(id=[1, 2])))
    replicated(guarded, primary)


def taken_over(guarded: Guarded, primary: str, scratch: Path) -> int:
    """Take over at the copy by the user. Return how many partitions have their newest publication."""
    user = guarded.lake(scratch, guarded.user)
    other = replace(user, store=ObjectStore(user.store.client, primary, 4))
    takeover = RegionTakeover(user, [events()], "us-east-1", lambda bucket, region: other)
    return takeover.apply()[0].counted()["newest"]


# Asked by no takeover of one partition into an empty catalog.
NOT_TAKEN_OVER = {
    "s3:AbortMultipartUpload": "an object of many parts", "s3:RestoreObject": "an archived object",
    "s3:DeleteObject": "a stray object, or what a writer staged", "s3:DeleteObjectVersion": "a dev lake's end",
    "s3:DeleteBucketPolicy": "the way back", "s3:GetObjectVersion": "an object that an earlier version brings back",
    "glue:BatchDeletePartition": "a partition that is not whole here", "glue:DeletePartition": "a partition that is not whole here",
    "glue:BatchGetPartition": "partitions that are there", "glue:BatchUpdatePartition": "partitions that are there",
    "glue:UpdateTable": "a table that is there", "glue:CreatePartitionIndex": "10,000 partitions",
    "glue:GetPartitionIndexes": "10,000 partitions",
}  # fmt: skip


def copying(primary: str) -> LakeConfig:
    """Return the copy's lake.yml, whose replication names the primary."""
    role = "arn:aws:iam::000000000000:role/replication"
    return LakeConfig.model_validate({"replication": {"region": "us-east-1", "role_arn": role, "bucket": primary}})


@pytest.mark.parametrize(
    "without", ["", *sorted(set(actions_of(Purpose.FAILOVER, copying("other"))) - set(NOT_TAKEN_OVER))]
)
def test_a_takeover_needs_what_its_policy_says(guarded: Guarded, run_at: RunAt, tmp_path: Path, without: str) -> None:
    primary = f"{guarded.bucket}-primary"
    publishing(guarded, primary, run_at, tmp_path)
    guarded.grant(Purpose.FAILOVER, without=without, config=copying(primary))
    if not without:
        assert taken_over(guarded, primary, tmp_path) == 1
        return
    # A primary that refuses the listing is not called lost; the message names the action.
    with pytest.raises((LakeAccessDenied, FailoverRefused)) as refused:
        taken_over(guarded, primary, tmp_path)
    assert re.search(rf"denied: .*{without.partition(':')[2]}\b", str(refused.value)), refused.value


def test_buckets_that_refuse_are_listed_beside_ours(guarded: Guarded) -> None:
    """Other teams' buckets refuse their tags and policies: the listing goes on, and the refusal names the action."""
    s3, theirs = guarded.client_of_owner("s3"), f"{guarded.bucket}-theirs"
    s3.create_bucket(Bucket=theirs)
    s3.put_bucket_tagging(Bucket=guarded.bucket, Tagging={"TagSet": [{"Key": "managed-by", "Value": "lakeworks"}]})
    policy = {"Version": "2012-10-17", "Statement": []}
    for bucket in (guarded.bucket, theirs):
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    own = f"arn:aws:s3:::{guarded.bucket}"
    statements = [
        {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
        {"Effect": "Allow", "Action": ["s3:GetBucketTagging", "s3:GetBucketPolicy"], "Resource": own},
    ]
    guarded.give([{"Version": "2012-10-17", "Statement": statements}])
    user = guarded.client("s3")
    found = {item.name: (item.ours, item.note) for item in list_buckets(user)}
    assert found[guarded.bucket] == (True, "")
    assert found[theirs] == (None, "denied: s3:GetBucketTagging")
    assert policy_of(user, guarded.bucket) == policy
    with pytest.raises(LakeAccessDenied, match=r"denied: (s3:)?GetBucketPolicy"):
        policy_of(user, theirs)
