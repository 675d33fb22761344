"""A permission missing on one prefix: a terminal error that names it, live data whole, and the run goes on once it is granted.

On ministack with AUTH=true, which enforces identity policies (docs/reliability.md); only AWS can prove its own IAM.
"""

import io
import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest
from botocore.config import Config

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.core.partition import Partition
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.errors import LakeAccessDenied, LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.verification import verify
from lakeworks.quarantine.replays import list_quarantined
from lakeworks.s3.object_store import ObjectStore
from tests.conftest import running_ministack
from tests.protocol.test_bad_input import Given, arrived, events, run

RunAt = Callable[..., Run]
DAY = "year=2019/month=01/day=05"
KEY = f"bronze/test/events/{DAY}/part-00000.parquet"


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
        """Everything is allowed but these actions: of S3 below one prefix, of Glue on what has the name."""
        statements: list[dict[str, Any]] = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
        bucket = f"arn:aws:s3:::{self.owner.store.bucket}"
        for action in actions:
            denied: dict[str, Any] = {"Effect": "Deny", "Action": action, "Resource": f"{bucket}/{prefix}*"}
            if action == "s3:ListBucket":  # its resource is the bucket; the prefix is a condition
                denied |= {"Resource": bucket, "Condition": {"StringLike": {"s3:prefix": f"{prefix}*"}}}
            if action.startswith("glue:"):
                denied["Resource"] = "*"
            statements.append(denied)
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


def seen(lake: Lake) -> tuple[list[int], list[str], bool]:
    """What readers find: the rows by the plain path, the partitions of the catalog, and whether the object is a published one."""
    table = pq.read_table(io.BytesIO(lake.store.get(KEY)[0]))
    catalog = [str(item["StorageDescriptor"]["Location"]) for item in lake.catalog.partitions(events())]
    published = {
        item.sha256 for entry in lake.ledger.history(events().table, Partition.parse(DAY)) for item in entry.objects
    }
    head = lake.store.head(KEY)
    return sorted(table["id"].to_pylist()), catalog, head is not None and head.metadata["lakeworks-sha256"] in published


OLD, NEW = [1, 2], [1, 2, 3]


@pytest.mark.parametrize(
    ("action", "prefix", "live"),
    [
        ("s3:PutObject", "landing/", OLD),
        ("s3:GetObject", "landing/", OLD),
        ("s3:ListBucket", "landing/", OLD),
        ("s3:PutObject", "_staging/", OLD),
        ("s3:GetObject", "_staging/", OLD),
        ("s3:ListBucket", "_staging/", NEW),
        ("s3:PutObject", "_audits/", OLD),
        ("s3:PutObject", "_ledger/", OLD),
        ("s3:GetObject", "_ledger/", OLD),
        ("s3:ListBucket", "_ledger/", OLD),
        ("s3:PutObject", "bronze/", OLD),
        ("s3:GetObject", "bronze/", OLD),
        ("s3:PutObject", "_ledger/bronze/test/events/_runs/", NEW),
        ("s3:GetObject", "metadata/contracts/", OLD),
        ("s3:DeleteObject", "_staging/", NEW),
    ],
)
def test_a_permission_missing_on_one_prefix_is_named_and_costs_nothing(
    guarded: Guarded, run_at: RunAt, action: str, prefix: str, live: list[int]
) -> None:
    guarded.allow()
    run(guarded.user, events(), run_at(1), Given(arrived(id=OLD)))
    where = seen(guarded.owner)[1]
    corrected = Given(arrived(id=NEW), datetime(2026, 2, 1, tzinfo=UTC))
    guarded.deny(action, prefix=prefix)
    with pytest.raises(LakeAccessDenied) as refused:
        run(guarded.user, events(), run_at(2), corrected)
    told = rf"(?s){prefix}.*{action}.*remain.*Check the credentials and their policy.*run again"
    assert re.search(told, str(refused.value)), refused.value
    assert seen(guarded.owner) == (live, where, True), "nothing half-visible: the old rows, or all of the new ones"
    guarded.allow()
    run(guarded.user, events(), run_at(2, attempt=2), corrected)
    assert seen(guarded.owner) == (NEW, where, True)
    assert verify(guarded.owner, events(), deep=True) == []


def test_rows_that_cannot_be_quarantined_stop_the_run_and_none_is_lost(guarded: Guarded, run_at: RunAt) -> None:
    contract = events(schema_policy="quarantine_unknown", quarantine={"limit": 1})
    user = replace(guarded.user, contract=lambda _: contract)
    guarded.allow()
    run(user, contract, run_at(1), Given(arrived(id=OLD)))
    mixed = Given(arrived(id=[1, 2, 3, 4], colour=[None, None, None, "red"]), datetime(2026, 2, 1, tzinfo=UTC))
    guarded.deny("s3:PutObject", prefix="_quarantine/")
    with pytest.raises(LakeAccessDenied, match=r"write `s3://.*_quarantine/bronze/test/events/.*denied: s3:PutObject"):
        run(user, contract, run_at(2), mixed)
    assert seen(guarded.owner)[0] == OLD
    assert list_quarantined(user, contract) == []
    guarded.allow()
    balance = run(user, contract, run_at(2, attempt=2), mixed).balance
    assert (balance.read, balance.staged, balance.quarantined) == (4, 3, 1)
    assert [item.rows for item in list_quarantined(user, contract)] == [1]
    assert seen(guarded.owner)[0] == NEW
    assert verify(replace(guarded.owner, contract=lambda _: contract), contract, deep=True) == []


GLUE = ["GetDatabase", "CreateDatabase", "GetTable", "CreateTable", "BatchGetPartition", "BatchCreatePartition"]


@pytest.mark.parametrize("call", GLUE)
def test_a_first_publication_that_glue_refuses_is_registered_by_the_next_attempt(
    guarded: Guarded, run_at: RunAt, call: str
) -> None:
    guarded.deny(f"glue:{call}", prefix="")
    first = Given(arrived(id=OLD))
    with pytest.raises(LakeAccessDenied) as refused:
        run(guarded.user, events(), run_at(1), first)
    told = rf"(?s)bronze[._]test.*AccessDeniedException.*{call}.*remain.*policy.*run again"
    assert re.search(told, str(refused.value)), refused.value
    with suppress(LakeNotFound):  # no table yet
        assert list(guarded.owner.catalog.partitions(events())) == [], "by the catalog nothing is there"
    guarded.allow()
    run(guarded.user, events(), run_at(1, attempt=2), first)
    rows, catalog, published = seen(guarded.owner)
    assert (rows, len(catalog), published) == (OLD, 1, True)
    assert verify(guarded.owner, events(), deep=True) == []


@pytest.mark.parametrize("call", ["GetTable", "BatchGetPartition", "BatchUpdatePartition"])
def test_a_correction_that_glue_refuses_is_whole_for_every_reader_and_finished_later(
    guarded: Guarded, run_at: RunAt, call: str
) -> None:
    guarded.allow()
    run(guarded.user, events(), run_at(1), Given(arrived(id=OLD)))
    where = seen(guarded.owner)[1]
    corrected = Given(arrived(id=NEW), datetime(2026, 2, 1, tzinfo=UTC))
    guarded.deny(f"glue:{call}", prefix="")
    with pytest.raises(LakeAccessDenied, match=rf"bronze\.test\.events.*denied: {call}\)"):
        run(guarded.user, events(), run_at(2), corrected)
    assert seen(guarded.owner) == (NEW, where, True), "the catalog names the place, where one whole publication lies"
    guarded.allow()
    run(guarded.user, events(), run_at(2, attempt=2), corrected)
    assert seen(guarded.owner) == (NEW, where, True)
    assert verify(guarded.owner, events(), deep=True) == []


def test_a_wrong_secret_is_terminal_and_says_so(guarded: Guarded) -> None:
    keys = guarded.iam.create_access_key(UserName=guarded.name)["AccessKey"]
    broken = boto3.client(
        "s3", endpoint_url=guarded.url, region_name="us-east-1", aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key="wrong", config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    with pytest.raises(LakeAccessDenied, match="SignatureDoesNotMatch.*Check the credentials"):
        ObjectStore(broken, guarded.owner.store.bucket).get("k")
