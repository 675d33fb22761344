"""The bucket policy on an endpoint that checks signatures and evaluates policies (ministack with AUTH): who may, who may not."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lakeworks.infrastructure import plan_apply as engine
from lakeworks.infrastructure.resources import bucket_policy as policy
from lakeworks.infrastructure.resources.bucket_policy import BucketPolicy
from tests.conftest import running_ministack

_PATH = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1, "mode": "standard"})


@pytest.fixture(scope="module")
def enforcing_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTH", "true")
        with running_ministack(tmp_path_factory.mktemp("enforcing")) as url:
            yield url


def connected(url: str, service: str, key: str = "test", secret: str = "test") -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=_PATH,
    )


@pytest.fixture
def people(enforcing_url: str, bucket: str) -> dict[str, tuple[str, Any]]:
    """ARN and S3 client of an analyst, of the pipeline and of a stranger, none with a policy of their own."""
    iam = connected(enforcing_url, "iam")
    found = {}
    for name in ("analyst", "pipeline", "stranger"):
        arn = iam.create_user(UserName=f"{name}-{bucket}")["User"]["Arn"]
        key = iam.create_access_key(UserName=f"{name}-{bucket}")["AccessKey"]
        found[name] = (arn, connected(enforcing_url, "s3", key["AccessKeyId"], key["SecretAccessKey"]))
    return found


@pytest.fixture
def lake(enforcing_url: str, bucket: str, people: dict[str, tuple[str, Any]]) -> Callable[..., None]:
    """Writes a bucket's policy as bootstrap does."""
    root = connected(enforcing_url, "s3")
    root.create_bucket(Bucket=bucket)
    for key in ("gold/a", "_ledger/a", "landing/a"):
        root.put_object(Bucket=bucket, Key=key, Body=b"x")

    def apply(**more: Any) -> None:
        statements = {
            **policy.readers(bucket, [people["analyst"][0]]), **policy.writers(bucket, [people["pipeline"][0]]), **more,
        }  # fmt: skip
        (change,) = engine.apply([BucketPolicy(bucket, statements)], lambda service, region=None: root)
        assert change.outcome in ("created", "changed"), change

    return apply


def may(call: Callable[..., Any], **arguments: Any) -> bool:
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "403"):
            raise
        return False
    return True


def rights(s3: Any, bucket: str) -> dict[str, bool]:
    return {
        "read gold": may(s3.get_object, Bucket=bucket, Key="gold/a"),
        "list gold": may(s3.list_objects_v2, Bucket=bucket, Prefix="gold/"),
        "read ledger": may(s3.get_object, Bucket=bucket, Key="_ledger/a"),
        "read landing": may(s3.get_object, Bucket=bucket, Key="landing/a"),
        "list all": may(s3.list_objects_v2, Bucket=bucket),
        "write gold": may(s3.put_object, Bucket=bucket, Key="gold/b", Body=b"x"),
        "delete gold": may(s3.delete_object, Bucket=bucket, Key="gold/b"),
        "change the policy": may(s3.put_bucket_policy, Bucket=bucket, Policy="{}"),
        "suspend versions": may(
            s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
        ),
        "delete the bucket": may(s3.delete_bucket, Bucket=bucket),
    }


def test_analyst_pipeline_and_stranger_get_exactly_their_rights(
    lake: Callable[..., None], people: dict[str, tuple[str, Any]], bucket: str
) -> None:
    lake()
    granted = {name: {right for right, held in rights(s3, bucket).items() if held} for name, (_, s3) in people.items()}
    reads = {"read gold", "list gold"}
    assert granted == {
        "analyst": reads,
        "pipeline": reads | {"read ledger", "read landing", "list all", "write gold", "delete gold"},
        "stranger": set(),
    }


def test_tls_only_refuses_plain_http_even_to_those_with_rights(
    lake: Callable[..., None], people: dict[str, tuple[str, Any]], bucket: str
) -> None:
    lake()
    assert rights(people["analyst"][1], bucket)["read gold"]
    lake(**policy.tls_only(bucket))
    assert not any(rights(people["analyst"][1], bucket).values()), "the endpoint speaks plain HTTP"
