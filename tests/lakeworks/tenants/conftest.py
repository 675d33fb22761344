"""A cloud that checks signatures and policies: two tenants with users of their own in one lake."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.core.layout import policy_key
from lakeworks.core.tenant import Tenant
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.lake import Lake
from lakeworks.permissions.lake_address import LakeAddress
from lakeworks.s3.object_store import ObjectStore
from lakeworks.tenants import onboarding as tenants
from lakeworks_local.stack.process import free_port
from tests.conftest import BIN, serving

ACCOUNT = "000000000000"
ROOT = ("test", "test")
# One id begins with the other: what a careless wildcard would mix up.
ACME, GLOBEX = Tenant("acme"), Tenant("acme-emea")


@dataclass(frozen=True)
class Cloud:
    """The endpoint; `client` signs with the given keys."""

    url: str
    session: boto3.Session = field(default_factory=boto3.Session)

    def client(self, service: str, keys: tuple[str, str] = ROOT, token: str | None = None) -> Any:
        config = Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            signature_version="s3v4" if service == "s3" else "v4",
        )
        return self.session.client(
            service, endpoint_url=self.url, region_name="us-east-1", config=config,
            aws_access_key_id=keys[0], aws_secret_access_key=keys[1], aws_session_token=token,
        )  # fmt: skip

    def user(self, name: str, policy: dict[str, Any], **extra: str) -> tuple[str, str]:
        iam = self.client("iam")
        iam.create_user(UserName=name, **extra)
        iam.put_user_policy(UserName=name, PolicyName="tenant", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder, port = tmp_path_factory.mktemp("cloud"), free_port()
    environment = {
        "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SFTP_PORT": str(free_port()), "AUTH": "true",
        "STATE_DIR": str(folder / "state"), "S3_PERSIST": "1", "S3_DATA_DIR": str(folder / "s3"),
    }  # fmt: skip
    with serving([str(BIN / "ministack")], f"http://127.0.0.1:{port}", environment) as url:
        yield Cloud(url)


@dataclass(frozen=True)
class Shared:
    """A lake with two tenants: the owner's view, and each tenant's with its own keys."""

    cloud: Cloud
    owner: Lake
    keys: dict[Tenant, tuple[str, str]]
    scratch: Path

    def of(self, tenant: Tenant) -> Lake:
        """The lake as the tenant's own credentials reach it."""
        s3, glue = (self.cloud.client(service, self.keys[tenant]) for service in ("s3", "glue"))
        store = ObjectStore(s3, self.owner.store.bucket, 4, tenant=tenant)
        return Lake(store, GlueCatalog(glue, tenant=tenant), DuckDbEngine(scratch=self.scratch), self.scratch)


@pytest.fixture(scope="module")
def shared(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Both tenants as `tenant add` makes them; the users carry the very policies it wrote."""
    s3, scratch = cloud.client("s3"), tmp_path_factory.mktemp("scratch")
    s3.create_bucket(Bucket="shared-lake")
    s3.put_bucket_versioning(Bucket="shared-lake", VersioningConfiguration={"Status": "Enabled"})
    owner = Lake(
        ObjectStore(s3, "shared-lake", 4), GlueCatalog(cloud.client("glue")), DuckDbEngine(scratch=scratch), scratch
    )
    keys = {}
    for tenant in (ACME, GLOBEX):
        tenants.add(owner, tenant, "team", LakeAddress("shared-lake", "us-east-1", ACCOUNT))
        keys[tenant] = cloud.user(str(tenant), json.loads(owner.store.get(policy_key(tenant))[0]))
    return Shared(cloud, owner, keys, scratch)


@pytest.fixture(scope="module")
def as_tenant(shared: Shared) -> Callable[[Tenant], Any]:
    """The S3 client of a tenant."""
    return lru_cache(lambda tenant: shared.cloud.client("s3", shared.keys[tenant]))
