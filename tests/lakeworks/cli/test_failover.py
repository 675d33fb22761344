"""`lakeworks failover` on a real endpoint: a copy of the lake in another region becomes the primary."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from lakeworks.contract import load_contract
from lakeworks.infrastructure.resources.bucket_manifest import KEY
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from tests.lakeworks.cli.test_cli import Done, command, settings_for
from tests.lakeworks.cli.test_publications import FARES, TRIPS, trips
from tests.lakeworks.publications.test_publications import published

__all__ = ["command"]
RunAt = Callable[..., Run]


@pytest.fixture
def copy_of(lake: Lake, moto_url: str, run_at: RunAt) -> dict[str, str]:
    """The settings of a copy in another region: of the second publication, the object has not arrived."""
    published(lake, load_contract(TRIPS), trips(run_at(1), 1.0, 2.0), run_at(1))
    client: Any = lake.store.client
    manifest = f"bucket_name: {lake.store.bucket}\nregion: {client.meta.region_name}\n"
    lake.store.put(KEY, manifest.encode())
    name = f"{lake.store.bucket}-copy"
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    replicate(lake, name, "")
    published(lake, load_contract(TRIPS), trips(run_at(2), 7.0), run_at(2))
    replicate(lake, name, "_ledger/")
    return settings_for(lake, moto_url) | {"LAKE_BUCKET": name, "LAKE_REGION": "eu-north-1"}


def replicate(lake: Lake, bucket: str, prefix: str) -> None:
    """Copy what is below a prefix, as S3 does it: bytes and metadata."""
    for item in lake.store.scan(prefix):
        if not item.key.startswith("_staging/"):
            body, stored = lake.store.get(item.key)
            lake.store.client.put_object(Bucket=bucket, Key=item.key, Body=body, Metadata=dict(stored.metadata))


def test_a_copy_takes_over_and_the_former_primary_publishes_nothing(
    command: Callable[..., Done], copy_of: dict[str, str], lake: Lake, moto_url: str
) -> None:
    primary = settings_for(lake, moto_url)
    planned = command("failover", "plan", "--json", **copy_of)
    assert planned.returncode == 1
    document = json.loads(planned.stdout)
    assert (document["primary"], document["answers"], document["counted"]["older"]) == (lake.store.bucket, "yes", 1)
    refused = command("failover", "apply", **copy_of)
    assert (refused.returncode, "--accept-loss" in refused.stderr) == (1, True)
    done = command("failover", "apply", "--accept-loss", **copy_of)
    assert "is here without the bytes of publication 2" in " ".join(done.stdout.split())
    read = json.loads(command("sql", FARES, "--json", **copy_of).stdout)
    assert [row["fare_amount"] for row in read] == [1.0, 2.0]
    stopped = command("withdraw", TRIPS, "2019-01", **primary)
    assert f"`s3://{copy_of['LAKE_BUCKET']}` (eu-north-1) is the primary" in " ".join(stopped.stderr.split())
    handed = command("failover", "hand-over", "--json", **copy_of)
    assert json.loads(handed.stdout) == [{"epoch": 2, "primary": copy_of["LAKE_BUCKET"], "state": "handed over"}]


def test_a_bucket_that_is_no_copy_is_refused(command: Callable[..., Done], lake: Lake, moto_url: str) -> None:
    assert "it is no copy of a lake" in command("failover", "plan", **settings_for(lake, moto_url)).stderr
