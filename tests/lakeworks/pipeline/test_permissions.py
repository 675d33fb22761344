"""A permission missing on one prefix: a terminal error that names it, live data whole, and the run goes on once it is granted.

On ministack with AUTH=true, which enforces identity policies (docs/reliability.md); only AWS can prove its own IAM.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.errors import LakeAccessDenied
from lakeworks.pipeline import Lake
from lakeworks.pipeline.verify import verify
from lakeworks.storage.manifest import Run
from lakeworks.storage.objects import ObjectStore
from tests.conftest import running_ministack
from tests.lakeworks.pipeline.test_bad_input import Given, arrived, events, run

RunAt = Callable[..., Run]
KEY = "bronze/test/events/year=2019/month=01/day=05/part-00000.parquet"


@pytest.fixture(scope="module")
def guarded_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_ministack(tmp_path_factory.mktemp("guarded"), policies=True) as url:
        yield url


@dataclass
class Guarded:
    """A lake seen by its owner and by a user whose permissions a test takes away."""

    url: str
    owner: Lake
    user: Lake
    iam: Any
    name: str

    def deny(self, *actions: str, prefix: str) -> None:
        """Everything is allowed but these actions below one prefix."""
        bucket = f"arn:aws:s3:::{self.owner.store.bucket}"
        statements = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
        if actions:
            statements.append({"Effect": "Deny", "Action": list(actions), "Resource": f"{bucket}/{prefix}*"})  # type: ignore[dict-item]
        policy = {"Version": "2012-10-17", "Statement": statements}
        self.iam.put_user_policy(UserName=self.name, PolicyName="p", PolicyDocument=json.dumps(policy))

    def allow(self) -> None:
        self.deny(prefix="")


@pytest.fixture
def guarded(guarded_url: str, tmp_path: Path) -> Guarded:
    config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2, "mode": "standard"})

    def client(service: str, key: str, secret: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service, endpoint_url=guarded_url, region_name="us-east-1", config=config, aws_access_key_id=key, aws_secret_access_key=secret,
        )  # fmt: skip

    def lake(key: str, secret: str) -> Lake:
        found = Lake(ObjectStore(client("s3", key, secret), bucket, 4), GlueCatalog(client("glue", key, secret)), DuckDbEngine(scratch=tmp_path), tmp_path)  # fmt: skip
        return replace(found, contract=lambda _: events())

    bucket, name = f"lake-{uuid.uuid4().hex[:12]}", f"user-{uuid.uuid4().hex[:8]}"
    iam, owner = client("iam", "test", "test"), lake("test", "test")
    owner.store.client.create_bucket(Bucket=bucket)
    owner.store.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    with suppress(Exception):  # the catalog is the server's, shared by the tests of this module
        owner.catalog.client.delete_database(Name=events().table.database)
    iam.create_user(UserName=name)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    return Guarded(guarded_url, owner, lake(keys["AccessKeyId"], keys["SecretAccessKey"]), iam, name)


@pytest.mark.parametrize(
    ("actions", "prefix"),
    [
        (["s3:PutObject"], "landing/"),
        (["s3:PutObject"], "_staging/"),
        (["s3:GetObject"], "_staging/"),
        (["s3:PutObject"], "_audits/"),
        (["s3:PutObject"], "_ledger/"),
        (["s3:GetObject"], "_ledger/"),
        (["s3:PutObject"], "bronze/"),
        (["s3:DeleteObject"], "_staging/"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_permission_missing_on_one_prefix_is_named_and_costs_nothing(
    guarded: Guarded, run_at: RunAt, actions: list[str], prefix: str
) -> None:
    guarded.allow()
    run(guarded.user, events(), run_at(1), Given(arrived(id=[1, 2])))
    old = guarded.owner.store.get(KEY)[0]
    corrected = Given(arrived(id=[1, 2, 3]), datetime(2026, 2, 1, tzinfo=UTC))
    guarded.deny(*actions, prefix=prefix)
    with pytest.raises(LakeAccessDenied, match=rf"{prefix}.*Check the credentials and their policy"):
        run(guarded.user, events(), run_at(2), corrected)
    after = guarded.owner.store.get(KEY)[0]
    assert after == old or "Delete" in actions[0], "nothing half-visible: the old rows, or all of the new ones"
    guarded.allow()
    run(guarded.user, events(), run_at(2, attempt=2), corrected)
    assert guarded.owner.store.get(KEY)[0] != old
    assert verify(guarded.owner, events(), deep=True) == []


def test_a_wrong_secret_is_terminal_and_says_so(guarded: Guarded) -> None:
    keys = guarded.iam.create_access_key(UserName=guarded.name)["AccessKey"]
    broken = boto3.client(
        "s3", endpoint_url=guarded.url, region_name="us-east-1", aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key="wrong", config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    with pytest.raises(LakeAccessDenied, match="SignatureDoesNotMatch.*Check the credentials"):
        ObjectStore(broken, guarded.owner.store.bucket).get("k")
