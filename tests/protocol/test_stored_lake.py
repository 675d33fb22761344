"""A lake that was written before the library was rebuilt is read, verified and published into by this release.

`stored_lake/release-0.1.0.json` is the bucket of commit 6cc2351, object version by object version: three days of events of
which one was published twice and rolled back, and one was withdrawn. `stored_lake/contract-of-silver-orders.json` is a contract
with the names of before `late_data`. Rebuild them never: no newer release writes these bytes.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.contract import load_contract
from lakeworks.contract.stored_form import parse_stored
from lakeworks.core.layout import contract_key
from lakeworks.core.partition import Partition, Period
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.errors import ContractError
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.catalog_repair import compare_catalog
from lakeworks.maintenance.verification import verify
from lakeworks.parquet.dataset import open_dataset
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.contract_history import admit, differences, record
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.s3.object_store import ObjectStore, Target
from lakeworks.status.table_summary import summarise
from tests.conftest import KEYS

STORED = json.loads((Path(__file__).parent / "stored_lake/release-0.1.0.json").read_text())
EVENTS, BUCKET = "bronze.commerce.events", "a-lake-of-before"
FIFTH, SIXTH, SEVENTH = (Partition.parse(f"year=2017/month=01/day=0{day}") for day in (5, 6, 7))


def restore(s3: Any) -> None:
    """Put every object version back under its old version id, which the ledger pins."""
    for item in STORED:
        if item.get("deleted"):
            s3.delete_object(Bucket=BUCKET, Key=item["key"])
            continue
        s3.put_object(
            Bucket=BUCKET, Key=item["key"], Body=base64.b64decode(item["body"]), Metadata=item["metadata"],
            ContentType=item["content_type"],
        )  # fmt: skip
        newest = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys[item["key"]]
        newest._version_id = item["version_id"]


@pytest.fixture
def old_lake(tmp_path: Path) -> Iterator[Lake]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1", **KEYS)
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        restore(s3)
        glue = boto3.client("glue", region_name="us-east-1", **KEYS)
        yield Lake(ObjectStore(s3, BUCKET, threads=1), GlueCatalog(glue), DuckDbEngine(scratch=tmp_path), tmp_path)


def events(lake: Lake, partition: Partition) -> list[str]:
    """The numbers of the events that readers by ledger see."""
    live = lake.ledger.live(load_contract(EVENTS).table, partition)
    assert live is not None
    return sorted(open_dataset(lake.store, load_contract(EVENTS), [live]).to_table().column("event_id").to_pylist())


def test_ledger_and_rows_are_read(old_lake: Lake) -> None:
    contract = load_contract(EVENTS)
    assert set(old_lake.ledger.live_partitions(contract.table)) == {FIFTH, SIXTH}
    assert events(old_lake, FIFTH) == ["e1", "e2"], "rolled back from e1, e2, e5"
    assert events(old_lake, SIXTH) == ["e3", "e4"]
    assert [entry.kind for entry in old_lake.ledger.history(contract.table, FIFTH)][-1] == "rollback"
    assert [entry.kind for entry in old_lake.ledger.history(contract.table, SEVENTH)][-1] == "withdrawal"
    summary = summarise(old_lake, contract)
    assert (summary.partitions, summary.published) == (2, 4)


def test_it_is_whole_and_its_catalog_is_made_from_it(old_lake: Lake) -> None:
    contract = load_contract(EVENTS)
    admit(old_lake, contract)
    list(compare_catalog(old_lake, contract, repair=True))
    assert verify(old_lake, contract, deep=True) == []


def test_its_landing_is_built_again_and_published_on_top(old_lake: Lake) -> None:
    from datetime import UTC, datetime

    contract, run = load_contract(EVENTS), Run(id="manual__9", started_at=datetime(2030, 1, 1, tzinfo=UTC), attempt=1)
    for day in (5, 6, 7):
        built = write(old_lake, EVENTS, Period.parse(f"2017-01-0{day}"), run)
        publish(old_lake, audit(old_lake, built.key).key)
    assert events(old_lake, FIFTH) == ["e1", "e2", "e5"], "the newest fetch"
    assert events(old_lake, SIXTH) == ["e3", "e4"]
    assert events(old_lake, SEVENTH) == ["e6"]
    assert verify(old_lake, contract, deep=True) == []


def test_a_contract_stored_under_former_names_is_read_and_compared(old_lake: Lake) -> None:
    contract = load_contract("silver.commerce.orders")
    body = (Path(__file__).parent / "stored_lake/contract-of-silver-orders.json").read_bytes()
    assert b'"touched_by"' in body
    key = contract_key(contract.table, contract.version)
    old_lake.store.put(Target(key), body)
    stored, changed = differences(old_lake, contract)
    assert stored is not None
    assert stored.late_data == contract.late_data
    assert [change for change in changed if change.effect != "documentation"] == []
    record(old_lake, contract)
    assert b'"arrivals_from"' in old_lake.store.get(key)[0], "recorded again in the form of today"


def test_a_table_without_the_renamed_section_is_read(old_lake: Lake) -> None:
    contract = load_contract(EVENTS)
    former = {**json.loads(contract.model_dump_json()), "rebuilds": None}
    del former["late_data"]
    assert parse_stored(json.dumps(former).encode()) == contract


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"rebuilds": 7}', b'{"rebuilds": {"touched_by": 1}}', b"\xff"])
def test_what_is_no_contract_is_named(old_lake: Lake, body: bytes) -> None:
    contract = load_contract(EVENTS)
    old_lake.store.put(Target(contract_key(contract.table, contract.version)), body)
    with pytest.raises(
        ContractError, match=r"metadata/contracts/.* is not a contract that this release of lakeworks can read"
    ):
        admit(old_lake, contract)
