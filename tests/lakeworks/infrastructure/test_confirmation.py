"""Bootstrap at an endpoint whose configuration is eventually consistent, as AWS's is: reads answer the past for a while."""

from collections.abc import Callable

import pytest

from lakeworks.infrastructure import plan_apply as engine
from lakeworks.infrastructure.config import load_config
from lakeworks.infrastructure.confirmation import AWS_PAUSES, Confirmation, confirmation_of
from lakeworks.infrastructure.lake_bootstrap import LakePlan
from tests.conftest import client as new_client
from tests.lakeworks.infrastructure.test_config import EXAMPLE
from tests.support.late_reads import LateReads, is_configuration

Planned = Callable[..., LakePlan]
STALE = (
    "GetBucketVersioning",
    "GetBucketEncryption",
    "GetPublicAccessBlock",
    "GetBucketPolicy",
    "GetBucketOwnershipControls",
)


def late_reads(url: str, lag: float, is_late: Callable[[str], bool] = is_configuration) -> LateReads:
    """Every client is of one server."""
    return LateReads(lambda service, region=None: new_client(service, url), lag, is_late)


@pytest.fixture
def apply(moto_url: str, planned: Planned) -> Callable[..., dict[str, str]]:
    """Apply the whole bootstrap with a lag and some patience; give each setting's outcome."""

    def applied(lag: float, pauses: tuple[float, ...], *, is_aws: bool = True) -> dict[str, str]:
        late = late_reads(moto_url, lag, STALE.__contains__)
        patience = Confirmation(pauses, is_aws, late.sleep)
        changes = engine.apply(planned(moto_url, clients=late).resources, late, lambda client: patience)
        return {change.kind: change.outcome for change in changes}

    return applied


def test_a_slow_answer_is_waited_for(apply: Callable[..., dict[str, str]]) -> None:
    """`unsupported: accepted but not kept` was the answer, and the lake looked set up without versions."""
    outcomes = apply(6, AWS_PAUSES)
    assert outcomes["versioning"] == "created"
    assert outcomes["encryption"] in ("created", "changed")
    assert {outcomes[kind] for kind in ("versioning", "public access block", "ownership")} == {"created"}


def test_every_setting_of_every_service_is_waited_for(ministack_url: str, planned: Planned) -> None:
    """Glue, Athena, CloudWatch, Kinesis, DynamoDB, SQS, budgets and CloudFront answer the past too.

    Others that this server does not have: test_late_services.
    """
    fields = load_config(EXAMPLE).model_dump(mode="json", exclude={"unique"}, exclude_unset=True)
    fields |= {"notifications": [], "crawlers": [], "lake_formation": None, "grants": [], "spark": None}
    fields["streams"][0]["delivery"] = None
    # names of its own: other tests of this server make the example too
    fields |= {"project": "late", "inbox_events": {"queue": "late-inbox"}, "layer_buckets": {}}
    late = late_reads(ministack_url, 6)
    patience = Confirmation(AWS_PAUSES, True, late.sleep)
    changes = list(
        engine.apply(planned(ministack_url, clients=late, **fields).resources, late, lambda client: patience)
    )
    waited = {change.kind for change in changes if change.outcome in ("created", "changed")}
    assert {
        "athena work group", "budget", "distribution", "inbox queue", "lifecycle", "notifications",
        "origin access control", "public access block", "replication", "storage alarm", "stream", "stream alarm",
        "stream consumer", "stream table", "tags", "versioning",
    } <= waited  # fmt: skip
    never_kept = {"policy", "intelligent tiering", "inventory", "request metrics", "storage class analysis"}
    assert {change.kind for change in changes if change.outcome in engine.PROBLEMS} <= never_kept, (
        "ministack drops these"
    )


def test_what_never_shows_is_a_problem_and_no_success(apply: Callable[..., dict[str, str]]) -> None:
    assert apply(600, AWS_PAUSES)["versioning"] == "unconfirmed"
    assert "unconfirmed" in engine.PROBLEMS


def test_without_patience_the_same_endpoint_looks_as_if_it_kept_nothing(apply: Callable[..., dict[str, str]]) -> None:
    assert apply(6, (), is_aws=False)["versioning"] == "unsupported"


@pytest.mark.parametrize(
    ("url", "is_aws"),
    [
        ("https://s3.eu-central-1.amazonaws.com", True),
        ("https://bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com", True),
        ("https://s3.cn-north-1.amazonaws.com.cn", True),
        ("https://s3-fips.dualstack.us-gov-west-1.api.aws", True),
        ("https://s3.dualstack.cn-north-1.amazonaws.com.cn", True),
        ("https://glue.cn-north-1.api.amazonwebservices.com.cn", True),
        ("https://s3.us-iso-east-1.c2s.ic.gov", True),
        ("https://s3.eusc-de-east-1.amazonaws.eu", True),
        ("http://127.0.0.1:4566", False),
        ("https://amazonaws.com.example.org", False),
    ],
)
def test_aws_is_known_by_its_endpoint(url: str, is_aws: bool) -> None:
    confirmation = confirmation_of(new_client("s3", url))
    assert (confirmation.is_aws, bool(confirmation.pauses)) == (is_aws, is_aws)
