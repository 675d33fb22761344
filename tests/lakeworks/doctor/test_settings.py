"""Settings that bootstrap never makes: of a bucket, of Lake Formation's account, and where lineage goes."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lakeworks.doctor.bucket_settings import foreign_settings
from lakeworks.doctor.lake_formation_check import governance
from lakeworks.doctor.machine_checks import lineage
from lakeworks.errors import LakeAccessDenied
from tests.conftest import client as new_client
from tests.lakeworks.infrastructure.test_real_aws import refusing
from tests.support.lake_formation import ACCOUNT, OPEN_TO_ALL, LakeFormation, serving

ADMIN = f"arn:aws:iam::{ACCOUNT}:role/admin"


def test_object_lock_and_requester_pays_are_said_with_what_they_cost(ministack_url: str, bucket_name: str) -> None:
    s3 = new_client("s3", ministack_url)
    s3.create_bucket(Bucket=bucket_name, ObjectLockEnabledForBucket=True)
    assert foreign_settings(s3, bucket_name, is_aws=False).state == "ok", (
        "a lock without a default retention keeps nothing"
    )
    retention = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 30}}
    s3.put_object_lock_configuration(
        Bucket=bucket_name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": retention}
    )
    requester = {"Payer": "Requester"}  # ministack takes the setting and answers without it
    s3.meta.events.register("after-call.s3.GetBucketRequestPayment", lambda parsed, **_: parsed.update(requester))
    found = foreign_settings(s3, bucket_name, is_aws=False)
    assert found.state == "warning"
    assert "every version for 30 days (COMPLIANCE)" in found.detail
    assert "Requester Pays: S3 denies" in found.detail
    assert found.remedy.count(".") == 2


def test_mfa_delete_is_said(ministack_url: str, bucket_name: str) -> None:
    s3 = new_client("s3", ministack_url)
    s3.create_bucket(Bucket=bucket_name)
    s3.meta.events.register("after-call.s3.GetBucketVersioning", lambda parsed, **_: parsed.update(MFADelete="Enabled"))
    found = foreign_settings(s3, bucket_name, is_aws=False)
    assert (found.state, "no role can delete a version" in found.detail) == ("warning", True)


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration"),
        ("GetBucketRequestPayment", "GetBucketRequestPayment"),
    ],
)
def test_a_denied_question_names_its_action(ministack_url: str, bucket_name: str, operation: str, action: str) -> None:
    s3 = new_client("s3", ministack_url)
    s3.create_bucket(Bucket=bucket_name)
    refusing(s3, f"s3.{operation}", "AccessDenied", 403)
    with pytest.raises(LakeAccessDenied, match=f"denied: {action}"):
        foreign_settings(s3, bucket_name, is_aws=True)


@pytest.fixture
def account() -> Iterator[tuple[LakeFormation, Any]]:
    formation = LakeFormation(new_databases=OPEN_TO_ALL, new_tables=OPEN_TO_ALL)
    with ExitStack() as stack:
        url, _ = stack.enter_context(serving(lambda: formation, ADMIN))
        yield formation, new_client("lakeformation", url)


def test_an_account_that_leaves_everything_to_iam_is_well(account: tuple[LakeFormation, Any]) -> None:
    found = governance(account[1], is_declared=False, is_aws=True)
    assert (found.state, found.detail) == (
        "ok",
        "Lake Formation leaves new databases and tables to IAM; data lake administrators: none",
    )


def test_an_account_that_governs_is_found_before_the_first_run(account: tuple[LakeFormation, Any]) -> None:
    formation, lakeformation = account
    formation.new_tables = []
    found = governance(lakeformation, is_declared=False, is_aws=True)
    assert (found.state, "governs each new table of this account" in found.detail) == ("warning", True)
    assert "lake_formation.roles" in found.remedy
    formation.admins = {ADMIN}
    assert governance(lakeformation, is_declared=True, is_aws=True).state == "ok"


def test_a_lake_yml_that_governs_needs_an_administrator(account: tuple[LakeFormation, Any]) -> None:
    formation, lakeformation = account
    found = governance(lakeformation, is_declared=True, is_aws=True)
    assert (found.state, "Name bootstrap's role" in found.remedy) == ("failure", True)
    formation.admins = {ADMIN}
    assert ADMIN in governance(lakeformation, is_declared=True, is_aws=True).detail


def test_who_may_not_read_the_settings_gets_the_action(account: tuple[LakeFormation, Any]) -> None:
    refusing(account[1], "lakeformation.GetDataLakeSettings", "AccessDeniedException", 400)
    found = governance(account[1], is_declared=True, is_aws=True)
    assert (found.state, "denied: GetDataLakeSettings" in found.detail) == ("warning", True)


@pytest.mark.parametrize(
    ("url", "is_aws", "state", "says"),
    [
        ("file", True, "warning", "a pod, a container or a managed worker loses them"),
        ("file", False, "ok", "lineage"),
        ("off", True, "ok", "off"),
        ("client", True, "ok", "OpenLineage client's"),
        ("file:/efs/lineage", True, "ok", "/efs/lineage"),
        ("https://user:secret@marquez", True, "ok", "to https://marquez"),
    ],
)
def test_lineage_on_a_workers_disk_is_said(url: str, is_aws: bool, state: str, says: str) -> None:
    found = lineage(url, Path("/scratch/lineage"), is_aws=is_aws)
    assert (found.state, says in found.detail, "secret" in found.detail) == (state, True, False)
