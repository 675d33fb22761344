"""Services with stand-ins of their own answer the past for a while: EMR Serverless, Glue's jobs and crawlers, Firehose."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest

from lakeworks.infrastructure import plan_apply as engine
from lakeworks.infrastructure.aws_partition import LakeLocation
from lakeworks.infrastructure.config import Crawler, LakeConfig
from lakeworks.infrastructure.confirmation import AWS_PAUSES, Confirmation
from lakeworks.infrastructure.resource import Resource
from lakeworks.infrastructure.resources.glue import GlueCrawler
from lakeworks.infrastructure.resources.streams.stream import stream_resources
from lakeworks.infrastructure.spark.resources import spark_resources
from tests.conftest import KEYS, client
from tests.support.late_reads import LateReads
from tests.support.memory_s3 import MemoryS3
from tests.support.spark_machine import SparkMachine
from tests.support.spark_services import EmrService, GlueJobService, serving

ROLE = "arn:aws:iam::123456789012:role/lake"
LAG = 6
Applied = dict[str, str]
Apply = Callable[..., Applied]


def applied(resources: Sequence[Resource], late: LateReads, pauses: tuple[float, ...] = AWS_PAUSES) -> Applied:
    """Apply at an endpoint that is AWS's to bootstrap; give each kind's outcome. Later runs see what is there by then."""
    patience = Confirmation(pauses, is_aws=True, sleep=late.sleep)
    changes = list(engine.apply(resources, late, lambda _: patience))
    late.sleep(LAG)
    return {change.kind: change.outcome for change in changes}


@pytest.fixture
def spark(tmp_path: Path) -> Iterator[LateReads]:
    """EMR Serverless and Glue's jobs, each on a server of its own; S3 of this process."""
    s3: Any = MemoryS3()
    s3.meta = boto3.client("s3", region_name="us-east-1", **KEYS).meta
    machine = SparkMachine(None, tmp_path)
    with serving(EmrService(machine)) as emr, serving(GlueJobService(machine)) as glue:
        urls = {"emr-serverless": emr, "glue": glue}
        yield LateReads(lambda service, region=None: s3 if service == "s3" else client(service, urls[service]), LAG)


def services(**changes: Any) -> list[Resource]:
    declared = {"emr_serverless": {"role_arn": ROLE}, "glue": {"role_arn": ROLE, "name": "jobs"}, **changes}
    return list(spark_resources("lake", LakeConfig.model_validate({"spark": declared})))


CHANGED: dict[str, Any] = {
    "emr_serverless": {"role_arn": ROLE, "max_vcpus": 64},
    "glue": {"role_arn": ROLE, "name": "jobs", "workers": 9},
}
KINDS = ("emr serverless application", "glue job")


def test_an_application_and_a_job_are_waited_for(spark: LateReads) -> None:
    made = applied(services(), spark)
    assert [made[kind] for kind in KINDS] == ["created", "created"]
    assert spark.delayed == {"emr-serverless.ListApplications", "glue.GetJob"}
    changed = applied(services(**CHANGED), spark)
    assert [changed[kind] for kind in KINDS] == ["changed", "changed"]
    assert "emr-serverless.GetApplication" in spark.delayed
    assert set(applied(services(**CHANGED), spark).values()) == {"unchanged"}


def test_an_application_and_a_job_that_never_show_are_unconfirmed(spark: LateReads) -> None:
    outcomes = applied(services(), spark, pauses=())
    assert [outcomes[kind] for kind in KINDS] == ["unconfirmed", "unconfirmed"]
    assert set(applied(services(), spark).values()) == {"unchanged"}, "the next run finds them, and makes no second one"


@pytest.fixture
def moto(moto_url: str) -> LateReads:
    return LateReads(lambda service, region=None: client(service, moto_url), LAG)


def crawler(name: str) -> list[Resource]:
    declared = Crawler.model_validate({"name": "raw", "role_arn": ROLE, "database": "raw", "prefix": "partner/"})
    return [GlueCrawler(name, declared, "lake")]


def test_a_crawler_is_waited_for(moto: LateReads) -> None:
    """moto cannot change one."""
    name = f"late-{uuid.uuid4().hex[:6]}"
    assert applied(crawler(name), moto) == {"crawler": "created"}
    assert moto.delayed == {"glue.GetCrawler"}
    assert applied(crawler(name), moto) == {"crawler": "unchanged"}
    assert applied(crawler(f"{name}-2"), moto, pauses=()) == {"crawler": "unconfirmed"}


def delivery(environment: str, **changes: Any) -> list[Resource]:
    stream = {"name": "shop", "shards": 1, "delivery": {"dataset": "events", "role_arn": ROLE, **changes}}
    config = LakeConfig.model_validate({"environment": environment, "streams": [stream]})
    return list(stream_resources(config, LakeLocation("the-lake", "us-east-1", "123456789012")))


def test_a_delivery_is_waited_for(moto: LateReads) -> None:
    environment = f"e{uuid.uuid4().hex[:6]}"
    assert applied(delivery(environment), moto)["delivery stream"] == "created"
    assert "firehose.DescribeDeliveryStream" in moto.delayed
    assert applied(delivery(environment, buffer_mib=5), moto, pauses=())["delivery stream"] == "unconfirmed"
    assert applied(delivery(environment, buffer_mib=6), moto)["delivery stream"] == "changed"
    assert applied(delivery(environment, buffer_mib=6), moto)["delivery stream"] == "unchanged"
