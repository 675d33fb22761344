"""What AWS refuses and no stand-in does: foreign partitions, a mix of lifecycle forms, a crawler with an empty schedule."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from lakeworks.errors import ConfigError
from lakeworks.infrastructure import plan_apply as engine
from lakeworks.infrastructure.aws_partition import LakeLocation
from lakeworks.infrastructure.config import Crawler, LakeConfig, load_config
from lakeworks.infrastructure.desired_state import DesiredState, desired_resources
from lakeworks.infrastructure.lifecycle_config import Lifecycle
from lakeworks.infrastructure.lifecycle_review import Judgement
from lakeworks.infrastructure.resources.alarm_and_budget import MonthlyBudget
from lakeworks.infrastructure.resources.bucket_security import DefaultEncryption
from lakeworks.infrastructure.resources.glue import GlueCrawler
from lakeworks.infrastructure.resources.lifecycle import LifecycleRules, rules_of
from tests.conftest import client as new_client
from tests.lakeworks.infrastructure.conftest import ROLE, TAXI
from tests.lakeworks.infrastructure.test_config import EXAMPLE


def test_every_arn_that_we_make_is_of_the_lakes_partition() -> None:
    """Buckets in China and GovCloud refuse a policy with `arn:aws:` (MalformedPolicy)."""
    config: LakeConfig = load_config(EXAMPLE)
    for region, partition in (("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-central-1", "aws")):
        known = config.model_copy(update={"budget": None}) if partition == "aws-us-gov" else config
        wish = DesiredState(known, TAXI, {}, Judgement({}, ()), lambda: None)  # type: ignore[arg-type, return-value]
        made = desired_resources(LakeLocation("acme-lake", region, "1"), wish)
        text = " ".join(json.dumps(item.desired(), default=str) for item in made if item.kind != "manifest")
        ours = [
            word for word in text.split('"') if word.startswith("arn:") and ("acme-" in word or word.endswith("lake"))
        ]
        written = [word for word in ours if word not in EXAMPLE.read_text()]
        assert written
        assert {word.split(":")[1] for word in written} == {partition}


@pytest.mark.parametrize(
    ("region", "home"), [("eu-central-1", "us-east-1"), ("cn-north-1", "cn-northwest-1"), ("us-gov-west-1", "")]
)
def test_a_budget_is_made_where_its_partition_has_budgets(region: str, home: str) -> None:
    wish = DesiredState(load_config(EXAMPLE), TAXI, {}, Judgement({}, ()), lambda: None)  # type: ignore[arg-type, return-value]
    if not home:
        with pytest.raises(ConfigError, match="neither Cost Explorer nor Budgets.*leave `budget` out of lake.yml"):
            desired_resources(LakeLocation("acme-lake", region, "1"), wish)
        return
    made = desired_resources(LakeLocation("acme-lake", region, "1"), wish)
    assert [item.region for item in made if item.kind == "budget"] == [home]


def at_aws(service: str, region: str | None = None) -> Any:
    """A client of AWS itself; no request of these tests leaves."""
    return boto3.client(service, region_name=region or "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")  # type: ignore[call-overload]


def test_what_aws_itself_cannot_be_given_is_a_failure() -> None:
    """Without STS the account is unknown: a stand-in has none, but AWS has, so the lake is not set up."""
    wish = load_config(EXAMPLE).budget
    budget = MonthlyBudget("lake-budget", "", wish, "lakeworks")
    for change in (*engine.plan([budget], at_aws), *engine.apply([budget], at_aws)):
        assert (change.outcome, "no STS" in change.detail) == ("failed", True)
    assert "failed" in engine.PROBLEMS


def heard(made: Any, operation: str) -> list[dict[str, Any]]:
    """The parameters of an operation, as they are sent."""
    found: list[dict[str, Any]] = []

    def hear(params: dict[str, Any], **_: Any) -> None:
        found.append(dict(params))

    made.meta.events.register(f"provide-client-params.{operation}", hear)
    return found


def test_rules_of_the_first_form_are_kept_in_the_second(moto_url: str, bucket: str) -> None:
    """S3 answers 400 to a configuration with both forms, and a PUT without a smallest size resets it."""
    s3 = new_client("s3", moto_url)
    s3.create_bucket(Bucket=bucket)
    theirs = {"ID": "theirs", "Prefix": "logs/", "Status": "Enabled", "Expiration": {"Days": 9}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [theirs]})

    def answer(parsed: dict[str, Any], **_: Any) -> None:
        parsed["TransitionDefaultMinimumObjectSize"] = "varies_by_storage_class"

    s3.meta.events.register("after-call.s3.GetBucketLifecycleConfiguration", answer)
    sent = heard(s3, "s3.PutBucketLifecycleConfiguration")
    ours = LifecycleRules(bucket, rules_of(Lifecycle(), []))
    list(engine.apply([ours], lambda service, region=None: s3))
    (put,) = sent
    rules = {rule["ID"]: rule for rule in put["LifecycleConfiguration"]["Rules"]}
    assert (rules["theirs"]["Filter"], "Prefix" in rules["theirs"]) == ({"Prefix": "logs/"}, False)
    assert len(rules) > 1
    assert put["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"


def test_a_crawler_without_a_schedule_is_made_without_one(moto_url: str, bucket: str) -> None:
    glue = new_client("glue", moto_url)
    sent = heard(glue, "glue.CreateCrawler")
    wish = Crawler(name="x", role_arn=f"{ROLE}/c", database="d", prefix="exports/")
    list(engine.apply([GlueCrawler(f"lakeworks-{bucket}", wish, bucket)], lambda service, region=None: glue))
    assert ["Schedule" in params for params in sent] == [False]


def refusing(made: Any, operation: str, code: str, status: int, when: Callable[[], bool] = lambda: True) -> None:
    """Let an operation of a client answer with an error of AWS."""

    def answer(**_: Any) -> Any:
        if not when():
            return None
        parsed = {"Error": {"Code": code, "Message": "x"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        return type("Answer", (), {"status_code": status, "headers": {}}), parsed

    made.meta.events.register(f"before-call.{operation}", answer)


def test_a_key_whose_policy_refuses_the_role_is_taken_back(moto_url: str, bucket: str) -> None:
    """S3 takes such a key, and then refuses every write: 403, as for a role that may not write anything."""
    s3 = new_client("s3", moto_url)
    s3.create_bucket(Bucket=bucket)
    list(engine.apply([DefaultEncryption(bucket)], lambda service, region=None: s3))
    rules = lambda: s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]  # noqa: E731
    before, key = rules(), "arn:aws:kms:us-east-1:123456789012:key/k"
    has_key = lambda: "KMSMasterKeyID" in json.dumps(rules())  # noqa: E731
    refusing(s3, "s3.PutObject", "AccessDenied", 403, has_key)
    (change,) = engine.apply([DefaultEncryption(bucket, kms_key_id=key)], lambda service, region=None: s3)
    assert (change.outcome, rules()) == ("denied", before)
    assert f"the key {key} allow kms:GenerateDataKey" in change.detail


def test_a_role_that_may_not_write_objects_sets_the_key_all_the_same(moto_url: str, bucket: str) -> None:
    s3 = new_client("s3", moto_url)
    s3.create_bucket(Bucket=bucket)
    refusing(s3, "s3.PutObject", "AccessDenied", 403)
    key = "arn:aws:kms:us-east-1:123456789012:key/k"
    (change,) = engine.apply([DefaultEncryption(bucket, kms_key_id=key)], lambda service, region=None: s3)
    assert change.outcome == "created"
