"""An endpoint that enforces policies (ministack), with a bucket of its own for each test and a user who may do what a policy says."""

import json
import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.infrastructure.resource import Document
from lakeworks.lake import Lake
from lakeworks.permissions.aws_call import Purpose
from lakeworks.permissions.lake_address import LakeAddress
from lakeworks.permissions.policy_document import policy_documents
from lakeworks.permissions.policy_scope import PolicyScope
from lakeworks.s3.object_store import ObjectStore
from tests.conftest import client, running_ministack
from tests.protocol.test_bad_input import events

ROOT = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
ACCOUNT = "000000000000"
DEFAULT = LakeConfig()


@pytest.fixture(scope="module")
def guarded_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_ministack(tmp_path_factory.mktemp("guarded"), policies=True) as url:
        yield url


# Requests that ministack takes to be about another resource, or about none: a shard iterator names no stream to it, and a
# crawler's name is a table's. `test_policy_document.py` holds the ARNs of these statements.
PLACED_ELSEWHERE = ("athena:", "kinesis:GetRecords", "glue:GetCrawler", "glue:CreateCrawler", "glue:UpdateCrawler", "glue:StartCrawler")  # fmt: skip


def _placed(statements: Iterable[Document], taken: Collection[str]) -> Iterator[Document]:
    """Yield the statements without some actions, those that ministack misplaces about everything."""
    for statement in statements:
        listed = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        kept = [action for action in listed if action not in taken]
        elsewhere = [action for action in kept if action.startswith(PLACED_ELSEWHERE)]
        if here := [action for action in kept if action not in elsewhere]:
            yield {**statement, "Action": here}
        if elsewhere:
            yield {"Effect": "Allow", "Action": elsewhere, "Resource": "*"}


@dataclass
class Guarded:
    """A bucket, its owner, and a user who may do what a policy says."""

    url: str
    bucket: str
    user: dict[str, str]
    name: str

    def grant(self, purpose: Purpose, *, without: str | Collection[str] = "", config: LakeConfig = DEFAULT) -> None:
        """Give the user the policy of a purpose, without one of its actions or some."""
        scope = PolicyScope(LakeAddress(self.bucket, "us-east-1", ACCOUNT), config)
        self.give(policy_documents(purpose, scope), without=without)

    def give(self, policies: Iterable[Document], *, without: str | Collection[str] = "") -> None:
        """Give the user policies, without one of their actions or some."""
        taken = (without,) if isinstance(without, str) else without
        for number, policy in enumerate(policies):
            document = {**policy, "Statement": [*_placed(policy["Statement"], taken)]}
            client("iam", self.url, **ROOT).put_user_policy(
                UserName=self.name, PolicyName=f"p{number}", PolicyDocument=json.dumps(document)
            )

    def client(self, service: str, region: str | None = None) -> Any:
        return client(service, self.url, **self.user)

    def client_of_owner(self, service: str) -> Any:
        return client(service, self.url, **ROOT)

    def lake(self, scratch: Path, keys: dict[str, str]) -> Lake:
        s3, glue = (client(service, self.url, **keys) for service in ("s3", "glue"))
        lake = Lake(ObjectStore(s3, self.bucket, 4), GlueCatalog(glue), DuckDbEngine(scratch=scratch), scratch)
        return replace(lake, contract=lambda _: events())


@pytest.fixture
def guarded(guarded_url: str) -> Guarded:
    bucket, name = f"lake-{uuid.uuid4().hex[:12]}", f"user-{uuid.uuid4().hex[:8]}"
    iam, s3 = client("iam", guarded_url, **ROOT), client("s3", guarded_url, **ROOT)
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    user = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    return Guarded(guarded_url, bucket, user, name)


def actions_of(purpose: Purpose, config: LakeConfig = DEFAULT) -> list[str]:
    (policy,) = policy_documents(purpose, PolicyScope(LakeAddress("lake", "us-east-1", ACCOUNT), config))
    return sorted({action for statement in policy["Statement"] for action in statement["Action"]})
