"""Spark's services from lake.yml: planned, made, read back, changed; never a stranger's, never under running jobs."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from pydantic import ValidationError

from lakeworks.core.layout import SPARK_JOB
from lakeworks.engines.remote.detached_spark import check_job_file
from lakeworks.errors import ConfigError
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.export import exported
from lakeworks.infrastructure.plan_apply import ResourceChange, apply, plan
from lakeworks.infrastructure.resource import Clients
from lakeworks.infrastructure.spark.config import SparkConfig
from lakeworks.infrastructure.spark.resources import EmrApplication, GlueSparkJob, spark_resources
from lakeworks.permissions.aws_call import Purpose
from lakeworks.permissions.lake_address import LakeAddress
from lakeworks.permissions.policy_document import policy_documents
from lakeworks.permissions.policy_scope import PolicyScope
from lakeworks.s3.object_store import ObjectStore
from lakeworks.transform.spark_job_file import job_text
from tests.conftest import KEYS, client
from tests.support.memory_s3 import MemoryS3
from tests.support.spark_machine import SparkMachine
from tests.support.spark_services import EmrService, GlueJobService, serving

ROLE = "arn:aws:iam::123456789012:role/spark"
SPARK: dict[str, Any] = {"emr_serverless": {"role_arn": ROLE}, "glue": {"role_arn": ROLE, "name": "jobs"}}


class Aws:
    """S3 of this process, and the two services."""

    def __init__(self, emr: EmrService, glue: GlueJobService, urls: tuple[str, str]) -> None:
        self.emr, self.glue = emr, glue
        self.s3: Any = MemoryS3()
        self.s3.meta = boto3.client("s3", region_name="us-east-1", **KEYS).meta
        self.clients = {
            "s3": self.s3,
            "emr-serverless": client("emr-serverless", urls[0]),
            "glue": client("glue", urls[1]),
        }

    @property
    def given(self) -> Clients:
        return lambda service, _=None: self.clients[service]

    def applied(self, **spark: Any) -> dict[str, ResourceChange]:
        return {one.kind: one for one in apply(resources(**spark), self.given)}


def resources(**spark: Any) -> list[Any]:
    return list(spark_resources("lake", LakeConfig.model_validate({"spark": {**SPARK, **spark}})))


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Aws]:
    emr, glue = EmrService(SparkMachine(None, tmp_path)), GlueJobService(SparkMachine(None, tmp_path))
    with serving(emr) as first, serving(glue) as second:
        yield Aws(emr, glue, (first, second))


def test_everything_is_planned_made_and_then_unchanged(aws: Aws) -> None:
    kinds = ["spark job file", "emr serverless application", "glue job"]
    assert [(one.kind, one.outcome) for one in plan(resources(), aws.given)] == [(kind, "create") for kind in kinds]
    assert aws.emr.applications == {}
    assert [one.outcome for one in aws.applied().values()] == ["created"] * 3
    assert [one.outcome for one in aws.applied().values()] == ["unchanged"] * 3
    (application,) = aws.emr.applications.values()
    assert application["maximumCapacity"] == {"cpu": "32 vCPU", "memory": "128 GB"}
    assert aws.glue.definitions["jobs"]["Command"]["ScriptLocation"] == f"s3://lake/{SPARK_JOB}"
    assert aws.s3.objects[SPARK_JOB]["body"] == job_text()
    check_job_file(ObjectStore(aws.s3, "lake"))


def test_what_differs_is_corrected(aws: Aws) -> None:
    aws.applied()
    aws.s3.put_object(Bucket="lake", Key=SPARK_JOB, Body=b"# an older release", Metadata={})
    with pytest.raises(ConfigError, match="is of another release"):
        check_job_file(ObjectStore(aws.s3, "lake"))
    changed = {"emr_serverless": {"role_arn": ROLE, "max_vcpus": 64}, "glue": {**SPARK["glue"], "workers": 9}}
    assert {one.outcome for one in aws.applied(**changed).values()} == {"changed"}
    assert next(iter(aws.emr.applications.values()))["maximumCapacity"]["cpu"] == "64 vCPU"
    assert aws.glue.definitions["jobs"]["NumberOfWorkers"] == 9
    assert aws.glue.definitions["jobs"]["Command"]["ScriptLocation"], "UpdateJob resets what it is not given"
    check_job_file(ObjectStore(aws.s3, "lake"))


def test_an_application_that_runs_jobs_is_not_stopped_for_a_change(aws: Aws) -> None:
    aws.applied()
    next(iter(aws.emr.applications.values()))["state"] = "STARTED"
    change = aws.applied(emr_serverless={"role_arn": ROLE, "max_vcpus": 64})["emr serverless application"]
    assert change.outcome == "failed"
    assert "is started, and AWS changes a stopped one" in change.detail
    assert next(iter(aws.emr.applications.values()))["maximumCapacity"]["cpu"] == "32 vCPU"


def test_what_others_made_is_left_alone(aws: Aws) -> None:
    theirs = client("emr-serverless", aws.clients["emr-serverless"].meta.endpoint_url)
    theirs.create_application(name="lake", releaseLabel="emr-6.6.0", type="SPARK", clientToken="t")
    aws.clients["glue"].create_job(Name="jobs", Role="r", Command={"Name": "glueetl"})
    outcomes = {kind: one.outcome for kind, one in aws.applied().items()}
    assert outcomes == {"spark job file": "created", "emr serverless application": "foreign", "glue job": "foreign"}
    assert next(iter(aws.emr.applications.values()))["releaseLabel"] == "emr-6.6.0"


def test_an_ended_application_of_the_name_does_not_count(aws: Aws) -> None:
    aws.applied()
    next(iter(aws.emr.applications.values()))["state"] = "TERMINATED"
    assert aws.applied()["emr serverless application"].outcome == "created"
    assert len(aws.emr.applications) == 2


def test_both_exports_have_the_services_and_name_the_file_that_they_lack() -> None:
    template = exported(resources(), "cloudformation", "us-east-1")
    assert template["Resources"]["ApplicationLake"]["Properties"]["ReleaseLabel"] == "emr-7.9.0"
    assert template["Resources"]["JobJobs"]["Properties"]["ExecutionProperty"] == {"MaxConcurrentRuns": 8}
    assert template["Metadata"]["NotInThisTemplate"] == ["spark job file lake"]
    terraform = exported(resources(), "terraform", "us-east-1")["resource"]
    assert terraform["aws_emrserverless_application"]["lake"]["auto_stop_configuration"]["idle_timeout_minutes"] == 5
    assert terraform["aws_glue_job"]["jobs"]["command"]["script_location"] == f"s3://lake/{SPARK_JOB}"


def statements(purpose: Purpose, **spark: Any) -> dict[str, dict[str, Any]]:
    config = LakeConfig.model_validate({"spark": spark})
    scope = PolicyScope(LakeAddress("lake", "eu-west-1", "123456789012"), config)
    return {item["Sid"]: item for document in policy_documents(purpose, scope) for item in document["Statement"]}


def test_a_role_may_start_and_pass_only_what_is_declared() -> None:
    glue = statements(Purpose.RUN, glue=SPARK["glue"])
    assert "SparkApplication" not in glue
    assert glue["SparkJob"]["Resource"] == ["arn:aws:glue:eu-west-1:123456789012:job/jobs"]
    assert glue["SparkRoles"]["Condition"] == {"StringEquals": {"iam:PassedToService": ["glue.amazonaws.com"]}}
    emr = statements(Purpose.RUN, emr_serverless=SPARK["emr_serverless"])
    assert "SparkJob" not in emr
    assert emr["SparkRoles"]["Resource"] == [ROLE]


def test_the_jobs_themselves_write_into_staging_alone() -> None:
    found = statements(Purpose.SPARK, **SPARK)
    writing = {one for item in found.values() for one in item["Resource"] if "s3:PutObject" in item["Action"]}
    assert writing == {"arn:aws:s3:::lake/_staging/*"}
    assert not any("Version" in action for item in found.values() for action in item["Action"])


@pytest.mark.parametrize("conf", [{"executor.memory": "4g"}, {"spark.executor.memory": "4 g"}])
def test_a_setting_that_spark_would_misread_is_refused(conf: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="is no setting of Spark"):
        SparkConfig(conf=conf)


def test_defaults_of_the_resources_are_never_sent() -> None:
    for resource in (EmrApplication("x"), GlueSparkJob("x")):
        assert replace(resource, name="y").desired()
