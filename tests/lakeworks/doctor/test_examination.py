"""The doctor on real servers: a whole deployment is well, and each illness is found at its place, with what helps."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lakeworks.contract import all_tables, load_contract
from lakeworks.core.layout import trial_key
from lakeworks.doctor.bucket_checks import TrialBucket
from lakeworks.doctor.delivery_check import delivery
from lakeworks.doctor.examination import every_check
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.s3.object_store import ObjectStore
from tests.conftest import client as new_client
from tests.conftest import contract_of
from tests.faults.fault_proxy import Kind, Request, proxy
from tests.lakeworks.doctor.conftest import AWS, Make, at, client, diagnoses, left_behind, states


def test_a_whole_deployment_is_well_and_nothing_stays_behind(deployment: Make, any_cloud: str) -> None:
    of = deployment(any_cloud)
    found = diagnoses(of)
    computes = found.pop("athena")
    assert (computes.state, bool(computes.unproven)) == (
        "warning" if "moto" in found["credentials"].detail else "ok",
        True,
    )
    assert {name for name, state in states(found).items() if state != "ok"} == {"airflow"}, "no address is set"
    assert "Lake Formation" in found["catalog"].unproven
    assert left_behind(of, any_cloud) == []


def test_every_store_that_we_know_keeps_the_promises_a_lake_rests_on(any_store: ObjectStore) -> None:
    trial = TrialBucket(any_store.client, any_store.bucket, "us-east-1", False, at(0))
    found = [trial.owner(lambda: None), trial.versioning(), trial.trial_write(), trial.conditional_write()]
    assert [item.state for item in found] == ["warning", "ok", "ok", "ok"], found
    assert any_store.client.list_object_versions(Bucket=any_store.bucket).get("Versions", []) == []


def test_every_bucket_with_layers_is_looked_at(deployment: Make, moto_url: str) -> None:
    of = deployment(moto_url)
    gold = f"{of.settings.bucket}-gold"
    more = LakeConfig.model_validate({"layer_buckets": {"gold": gold}})
    found = diagnoses(deployment(moto_url, config=more))
    assert (found[f"bucket {gold}"].state, found[f"versioning {gold}"].state) == ("failure", "skipped")
    assert found["versioning"].state == "ok"


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_off_by_hours_explains_why_aws_refuses_everything(deployment: Make, moto_url: str, hours: int) -> None:
    found = diagnoses(deployment(moto_url, now=at(hours * 3600)))
    assert found["clock"].state == "failure"
    assert f"{'behind' if hours < 0 else 'ahead of'} S3's clock" in found["clock"].detail
    assert "chrony" in found["clock"].remedy
    assert {found[name].state for name in ("credentials", *AWS)} == {"skipped"}
    assert diagnoses(deployment(moto_url, now=at(120)))["clock"].state == "warning"


def test_a_missing_bucket_is_one_failure_not_four(deployment: Make, moto_url: str) -> None:
    of = deployment(moto_url)
    client("s3", moto_url).delete_bucket(Bucket=of.settings.bucket)
    found = diagnoses(of)
    assert (found["bucket"].state, "lakeworks bootstrap" in found["bucket"].remedy) == ("failure", True)
    assert {found[name].state for name in ("versioning", "read and write", "conditional write")} == {"skipped"}


def test_suspended_versions_are_a_failure(deployment: Make, any_cloud: str) -> None:
    of = deployment(any_cloud)
    suspended = {"Bucket": of.settings.bucket, "VersioningConfiguration": {"Status": "Suspended"}}
    client("s3", any_cloud).put_bucket_versioning(**suspended)
    found = diagnoses(of)
    assert {name for name, state in states(found).items() if state == "failure"} == {"versioning"}
    assert "suspended" in found["versioning"].detail


def without_header(url: str, name: str, operations: tuple[str, ...]) -> Callable[..., Any]:
    """Clients behind a gateway that drops a header."""

    def drop(request: Any, operation_name: str, **_: Any) -> None:
        if operation_name in operations:
            del request.headers[name]

    def clients(service: str, region: str | None = None) -> Any:
        made = new_client(service, url)
        made.meta.events.register("before-sign.s3", drop)
        return made

    return clients


@pytest.mark.parametrize(
    ("header", "operation", "named"),
    [
        ("If-None-Match", "PutObject", "ignores If-None-Match:"),
        ("If-Match", "PutObject", "ignores If-Match:"),
        ("If-None-Match", "CompleteMultipartUpload", "ignores If-None-Match of an upload in parts:"),
    ],
)
def test_a_condition_that_does_not_arrive_is_a_failure(
    deployment: Make, moto_url: str, header: str, operation: str, named: str
) -> None:
    of = deployment(moto_url, clients=without_header(moto_url, header, (operation,)))
    found = diagnoses(of)["conditional write"]
    assert (found.state, named in found.detail) == ("failure", True), found
    assert left_behind(of, moto_url) == []


def test_objects_with_another_key_than_lake_ymls_are_a_failure(deployment: Make, ministack_url: str) -> None:
    found = diagnoses(deployment(ministack_url, kms_key_id="arn:aws:kms:us-east-1:000000000000:key/ours"))
    assert (found["read and write"].state, "not the KMS key" in found["read and write"].detail) == ("failure", True)
    of = deployment(ministack_url, kms_key_id="ours")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:aws:kms:us-east-1:000000000000:key/ours"}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    client("s3", ministack_url).put_bucket_encryption(
        Bucket=of.settings.bucket, ServerSideEncryptionConfiguration=rules
    )
    assert diagnoses(of)["read and write"].state == "ok"


def test_a_missing_database_and_a_missing_work_group_name_bootstrap(deployment: Make, ministack_url: str) -> None:
    lost = {
        "contracts": [contract_of("gold.nowhere.rows")],
        "config": LakeConfig.model_validate({"athena": {"name": "no"}}),
    }
    found = diagnoses(deployment(ministack_url, **lost))
    assert (found["catalog"].state, "gold_nowhere" in found["catalog"].detail) == ("failure", True)
    assert [found[name].state for name in ("catalog", "athena")] == ["failure"] * 2
    assert all("lakeworks bootstrap" in found[name].remedy for name in ("catalog", "athena"))


def test_a_table_that_lake_formation_hides_is_recognised(deployment: Make, moto_url: str) -> None:
    """Without permission Lake Formation answers `not found`, also for a table that was just made."""

    def hidden(**_: Any) -> Any:
        answer = {"Error": {"Code": "EntityNotFoundException", "Message": "not found"}}
        return (
            type("Answer", (), {"status_code": 400, "headers": {}}),
            {**answer, "ResponseMetadata": {"HTTPStatusCode": 400}},
        )

    def clients(service: str, region: str | None = None) -> Any:
        made = new_client(service, moto_url)
        made.meta.events.register("before-call.glue.GetTable", hidden)
        return made

    of = deployment(moto_url, clients=clients)
    found = diagnoses(of)["catalog"]
    assert (found.state, found.remedy.startswith("Lake Formation governs")) == ("failure", True), found
    assert left_behind(of, moto_url) == []


KILLED = """
import sys
from pathlib import Path
from tests.lakeworks.doctor.conftest import deployment_at, diagnoses
diagnoses(deployment_at(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
"""


@pytest.mark.parametrize("last", ["DELETE /", "partNumber=1", "DeleteTable"])
def test_what_a_killed_doctor_left_is_removed_by_the_next(
    deployment: Make, moto_url: str, tmp_path: Path, last: str
) -> None:
    """The process is killed while it waits for the answer to a request that the server never sees."""
    of = deployment(moto_url)

    def stall(request: Request) -> Kind | None:
        return "timeout before" if last in f"{request.method} {request.path} {request.operation}" else None

    with proxy(moto_url) as (url, faults):
        faults.stall = 60
        faults.choose(stall)
        with subprocess.Popen([sys.executable, "-c", KILLED, url, of.settings.bucket, str(tmp_path)]) as process:
            while not faults.broken and process.poll() is None:
                time.sleep(0.05)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    assert left_behind(of, moto_url) != []
    assert diagnoses(of)["catalog"].state == "ok"
    assert left_behind(of, moto_url) == []


def test_trial_objects_of_a_living_doctor_and_files_of_others_stay(deployment: Make, moto_url: str) -> None:
    of, mine = deployment(moto_url), os.getppid()
    own = TrialBucket(of.s3, of.settings.bucket, "us-east-1", False, at(0)).trial
    living, others = trial_key(f"{own.machine}_{mine}/read"), trial_key("notes.txt")
    for key in (living, others):
        of.s3.put_object(Bucket=of.settings.bucket, Key=key, Body=b"x")
    diagnoses(of)
    assert sorted(left_behind(of, moto_url)) == sorted([living, others])
    elsewhere = trial_key("00000000_1/read")
    of.s3.put_object(Bucket=of.settings.bucket, Key=elsewhere, Body=b"x")
    diagnoses(of)
    assert elsewhere in left_behind(of, moto_url), "another machine's is younger than an hour"
    TrialBucket(of.s3, of.settings.bucket, "us-east-1", False, at(3700)).clean()
    assert left_behind(of, moto_url) == [others]


def test_every_source_of_this_lake_that_has_a_vendor_is_looked_at(deployment: Make, moto_url: str) -> None:
    """Tables that the lake lands itself (its bill, its streams) have no vendor to ask."""
    contracts = [load_contract(name) for name in all_tables()]
    names = {check.name for check in every_check(deployment(moto_url, contracts=contracts))}
    sources = {item.source.partition(".")[0] for item in contracts if item.source}
    assert {name.removeprefix("source ") for name in names if name.startswith("source ")} == sources - {
        "lake",
        "stream",
    }


def test_a_delivery_that_is_missing_or_not_active_is_found(deployment: Make, moto_url: str) -> None:
    name = f"d{uuid.uuid4().hex[:8]}"
    role = "arn:aws:iam::123456789012:role/firehose"
    stream = {"name": "a", "kinesis_name": name, "delivery": {"dataset": "events", "role_arn": role}}
    of = deployment(moto_url, config=LakeConfig.model_validate({"streams": [stream]}))
    missing = diagnoses(of)[f"delivery {name}-inbox"]
    assert (missing.state, "lakeworks bootstrap" in missing.remedy) == ("failure", True)
    there = {"RoleARN": role, "BucketARN": "arn:aws:s3:::b"}
    client("firehose", moto_url).create_delivery_stream(
        DeliveryStreamName=f"{name}-inbox", ExtendedS3DestinationConfiguration=there
    )
    assert diagnoses(of)[f"delivery {name}-inbox"].state == "ok"
    failed = {"DeliveryStreamStatus": "CREATING_FAILED", "FailureDescription": {"Details": "no such role"}}
    found = delivery(SimpleNamespace(describe_delivery_stream=lambda **_: {"DeliveryStreamDescription": failed}), name)
    assert (found.state, "no such role" in found.detail) == ("failure", True)
