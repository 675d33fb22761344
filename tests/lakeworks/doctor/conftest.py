"""A deployment that is examined on real servers, and what a test breaks in it."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lakeworks.doctor.examination import Deployment, every_check
from lakeworks.doctor.health_check import Diagnosis, examine
from lakeworks.infrastructure.config import LakeConfig
from lakeworks.settings import Settings
from tests.conftest import client as new_client
from tests.conftest import contract_of

client = cache(new_client)
AWS = ("bucket", "versioning", "read and write", "conditional write", "catalog", "athena")
CONTRACTS = [contract_of("silver.doctor.rows"), contract_of("gold.doctor.rows")]
Make = Callable[..., Deployment]


@pytest.fixture
def bucket_name() -> str:
    return f"doctor-{uuid.uuid4().hex[:12]}"


@pytest.fixture(params=["moto", "ministack"])
def any_cloud(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


def deployment_at(url: str, bucket: str, folder: Path, **fields: Any) -> Deployment:
    """A deployment's description; keywords are settings, or fields of the deployment."""
    own = {name: fields.pop(name) for name in list(fields) if name in Deployment.__dataclass_fields__}
    settings = Settings(bucket=bucket, region="us-east-1", scratch_dir=folder / "scratch", config_file=None, **fields)
    clients = own.pop("clients", lambda service, region=None: client(service, url))
    return replace(Deployment(settings, LakeConfig(), CONTRACTS, clients), **own)


@pytest.fixture
def deployment(tmp_path: Path) -> Make:
    """Makes a deployment whose bucket, databases and work group are there."""

    def make(url: str, **fields: Any) -> Deployment:
        bucket = f"doctor-{uuid.uuid4().hex[:12]}"
        keys = dict(zip(("aws_access_key_id", "aws_secret_access_key"), fields.pop("root", ()), strict=False))
        s3, glue, athena = (client(service, url, **keys) for service in ("s3", "glue", "athena"))
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        known = {item["Name"] for item in glue.get_databases()["DatabaseList"]}
        for database in {item.table.database for item in CONTRACTS} - known:
            glue.create_database(DatabaseInput={"Name": database})
        athena.create_work_group(
            Name=bucket, Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{bucket}/_results/"}}
        )
        return deployment_at(url, bucket, tmp_path, **fields)

    return make


def diagnoses(of: Deployment) -> dict[str, Diagnosis]:
    """What the doctor finds, by check; the bucket's name is left out of the checks' names."""
    name = f" {of.settings.bucket}"
    return {item.check.replace(name, ""): item.diagnosis for item in examine(list(every_check(of)))}


def states(found: dict[str, Diagnosis]) -> dict[str, str]:
    return {name: item.state for name, item in found.items()}


def left_behind(of: Deployment, url: str) -> list[str]:
    """Everything that is in the bucket and in the catalog, uploads and old versions included."""
    s3, bucket = client("s3", url), of.settings.bucket
    listed = s3.list_object_versions(Bucket=bucket)
    uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    keys = [item["Key"] for item in [*listed.get("Versions", []), *listed.get("DeleteMarkers", []), *uploads]]
    glue = client("glue", url)
    tables = [table["Name"] for name in databases(of) for table in glue.get_tables(DatabaseName=name)["TableList"]]
    return [*keys, *tables]


def databases(of: Deployment) -> list[str]:
    return sorted({item.table.database for item in of.contracts})


def at(seconds: float) -> Callable[[], datetime]:
    """A clock that goes wrong by some seconds."""
    return lambda: datetime.fromtimestamp(datetime.now(UTC).timestamp() + seconds, UTC)
