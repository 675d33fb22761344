"""Rollback, verify, repair and garbage: whatever is bent, the ledger says what is right and puts it back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests

from lakeworks.contract import Contract, load_contract
from lakeworks.contract.object_tags import ObjectTags
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance import garbage_collection as garbage
from lakeworks.maintenance.tagging import tag_versions
from lakeworks.maintenance.verification import repair, verify
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.publications.rollbacks import rollback
from lakeworks.publications.withdrawal import withdraw
from lakeworks.s3.object_store import ObjectStore
from lakeworks.sources import open_source
from tests.conftest import new_store

JANUARY = Period.parse("2019-01")
PARTITION = Partition.of_period(JANUARY)
KEY = "bronze/transport/yellow_trips/year=2019/month=01/part-00000.parquet"
RunAt = Callable[..., Run]


@pytest.fixture
def bronze() -> Contract:
    return load_contract("bronze.transport.yellow_trips")


@pytest.fixture
def published(lake: Lake, bronze: Contract, run_at: RunAt, replay_url: str) -> Lake:
    """Two publications of one month: as first published, and with a corrected fare."""
    requests.delete(f"{replay_url}/_control/faults", timeout=5)
    source = open_source("nyc_tlc", replay_url)
    for number in (1, 2):
        land(lake, bronze, JANUARY, run_at(number), source)
        publish(lake, audit(lake, write(lake, bronze.name, JANUARY, run_at(number)).key).key)
        requests.post(f"{replay_url}/_control/faults", json={"match": "*2019-01*", "kind": "republished"}, timeout=5)
    requests.delete(f"{replay_url}/_control/faults", timeout=5)
    return lake


def live(lake: Lake, bronze: Contract) -> Any:
    return lake.ledger.live(bronze.table, PARTITION)


def test_rollback_brings_the_earlier_rows_back_as_a_new_publication(published: Lake, bronze: Contract) -> None:
    first, second = published.ledger.history(bronze.table, PARTITION)
    entry = rollback(published, bronze, PARTITION)
    assert (entry.seq, entry.kind, entry.content, entry.state) == (3, "rollback", first.content, "published")
    assert verify(published, bronze, deep=True) == []
    assert rollback(published, bronze, PARTITION, to=2).content == second.content
    assert verify(published, bronze, deep=True) == []


def test_a_person_undoes_what_a_run_with_a_clock_ahead_published(
    published: Lake, bronze: Contract, run_at: RunAt
) -> None:
    """Rollback and withdrawal were fenced off as older than that run (found by test_any_sequence)."""
    ahead = run_at(1_000_000)
    publish(published, audit(published, write(published, bronze.name, JANUARY, ahead).key).key)
    assert live(published, bronze).run == ahead
    assert rollback(published, bronze, PARTITION).kind == "rollback"
    assert withdraw(published, bronze, PARTITION).kind == "withdrawal"
    assert live(published, bronze) is None


def test_rollback_refuses_what_it_cannot_do_and_changes_nothing(
    published: Lake, bronze: Contract, run_at: RunAt
) -> None:
    before = live(published, bronze)
    with pytest.raises(LakeNotFound, match=r"no publication 9\. Nothing was changed\. Published: 1, 2; live is 2"):
        rollback(published, bronze, PARTITION, to=9)
    with pytest.raises(LakeNotFound, match="never published"):
        rollback(published, bronze, Partition.of_period(Period.parse("2019-02")))
    expired = published.ledger.history(bronze.table, PARTITION)[0].objects[0]
    published.store.client.delete_object(Bucket=published.store.bucket, Key=KEY, VersionId=expired.version_id)
    with pytest.raises(LakeNotFound, match=r"publication 1 is gone .*deleted the old version.*run it again"):
        rollback(published, bronze, PARTITION)
    assert live(published, bronze) == before


def delete_object(lake: Lake, bronze: Contract) -> None:
    lake.store.delete([KEY])


def overwrite_object(lake: Lake, bronze: Contract) -> None:
    lake.store.put(KEY, b"not parquet")


def drop_partition(lake: Lake, bronze: Contract) -> None:
    lake.catalog.drop_partitions(bronze, [PARTITION])


def drop_table(lake: Lake, bronze: Contract) -> None:
    lake.catalog.client.delete_table(DatabaseName=bronze.table.database, Name=bronze.table.table)


def move_partition(lake: Lake, bronze: Contract) -> None:
    (item,) = lake.catalog.partitions(bronze)
    wrong = {
        "Values": item["Values"],
        "StorageDescriptor": {**item["StorageDescriptor"], "Location": "s3://elsewhere/"},
    }
    lake.catalog.client.update_partition(
        DatabaseName=bronze.table.database,
        TableName=bronze.table.table,
        PartitionValueList=item["Values"],
        PartitionInput=wrong,
    )


def add_dead_partition(lake: Lake, bronze: Contract) -> None:
    (item,) = lake.catalog.partitions(bronze)
    dead = {"Values": ["1999", "12"], "StorageDescriptor": item["StorageDescriptor"]}
    lake.catalog.client.create_partition(
        DatabaseName=bronze.table.database, TableName=bronze.table.table, PartitionInput=dead
    )


@pytest.mark.parametrize(
    ("bend", "kinds"),
    [
        (delete_object, {"missing object"}),
        (overwrite_object, {"changed object"}),
        (drop_partition, {"not in catalog"}),
        (drop_table, {"table not in catalog"}),
        (move_partition, {"wrong in catalog"}),
        (add_dead_partition, {"dead in catalog"}),
    ],
)
def test_what_is_bent_is_found_and_put_back(
    published: Lake, bronze: Contract, bend: Callable[[Lake, Contract], None], kinds: set[str]
) -> None:
    content = live(published, bronze).content
    assert verify(published, bronze, deep=True) == []
    bend(published, bronze)
    findings = verify(published, bronze)
    assert {finding.kind for finding in findings} == kinds
    assert repair(published, bronze, findings) == findings
    assert verify(published, bronze, deep=True) == []
    assert live(published, bronze).content == content


def test_damage_without_a_trace_is_found_by_reading(published: Lake, bronze: Contract) -> None:
    head = published.store.head(KEY)
    assert head is not None
    published.store.client.put_object(
        Bucket=published.store.bucket, Key=KEY, Body=b"same metadata, other bytes", Metadata=dict(head.metadata)
    )
    assert [finding.kind for finding in verify(published, bronze)] == ["pin not current"]
    findings = verify(published, bronze, deep=True)
    assert [finding.kind for finding in findings] == ["changed object"]
    assert repair(published, bronze, findings) == findings
    assert verify(published, bronze, deep=True) == []


def test_a_foreign_object_is_reported_and_left_alone(published: Lake, bronze: Contract) -> None:
    stray = KEY.replace("part-00000", "part-00001")
    published.store.put(stray, b"a person's")
    findings = verify(published, bronze)
    assert [(finding.kind, finding.can_be_repaired) for finding in findings] == [("foreign object", False)]
    assert repair(published, bronze, findings) == []
    assert published.store.get(stray)[0] == b"a person's"


@pytest.mark.parametrize(
    "folder", ["year=2019/month=13", "year=2019/month=notes", "year=2019", "readme", "month=01/year=2019"]
)
def test_a_folder_that_is_no_partition_is_reported_and_stops_nothing(
    published: Lake, bronze: Contract, run_at: RunAt, folder: str
) -> None:
    stray = f"{bronze.table.path}/{folder}/part-00000.parquet"
    published.store.put(stray, b"a person's")
    (found,) = verify(published, bronze, deep=True)
    told = f"`{stray}` belongs to no publication; `{folder}` names no partition of the table"
    assert (found.kind, found.detail) == ("foreign object", told)
    assert repair(published, bronze, [found]) == []
    publish(published, audit(published, write(published, bronze.name, JANUARY, run_at(3)).key).key)
    assert [item.detail for item in verify(published, bronze)] == [told], "runs go on beside it"


def test_a_thirteenth_month_in_the_catalog_is_reported_and_dropped(published: Lake, bronze: Contract) -> None:
    (item,) = published.catalog.partitions(bronze)
    place = {"DatabaseName": bronze.table.database, "TableName": bronze.table.table}
    wrong = {"Values": ["2019", "13"], "StorageDescriptor": item["StorageDescriptor"]}
    published.catalog.client.create_partition(**place, PartitionInput=wrong)
    findings = verify(published, bronze)
    assert [(found.kind, str(found.partition)) for found in findings] == [("dead in catalog", "2019-13")]
    assert repair(published, bronze, findings) == findings
    assert verify(published, bronze, deep=True) == []


def test_garbage_is_what_is_old_and_dead_and_nothing_else(published: Lake, bronze: Contract, run_at: RunAt) -> None:
    manifest = write(published, bronze.name, JANUARY, run_at(3))
    assert garbage.collect(published, dry_run=False) == [], "an attempt younger than a day may be alive"
    found = garbage.collect(published, older_than=timedelta(0), dry_run=True)
    assert [(item.kind, item.objects) for item in found] == [("staging", 2)]
    assert published.store.head(manifest.key), "a dry run removes nothing"
    garbage.collect(published, older_than=timedelta(0), dry_run=False)
    assert garbage.collect(published, older_than=timedelta(0)) == []
    assert verify(published, bronze, deep=True) == []


def test_abandoned_uploads_are_aborted(lake: Lake, seaweed_url: str) -> None:
    lake = replace(lake, store=new_store(seaweed_url))
    lake.store.client.create_multipart_upload(Bucket=lake.store.bucket, Key="_staging/big")
    assert garbage.collect(lake, dry_run=False) == []
    assert [item.kind for item in garbage.collect(lake, older_than=timedelta(0), dry_run=False)] == ["multipart upload"]
    assert lake.store.client.list_multipart_uploads(Bucket=lake.store.bucket).get("Uploads", []) == []


def test_what_has_no_tags_is_named_and_gets_them_in_every_version(published: Lake, bronze: Contract) -> None:
    old, tags = published.store, ObjectTags(("owner", "domain"))
    store = ObjectStore(old.client, old.bucket, old.threads, tags=tags)
    tagged = replace(published, store=store)
    (finding,) = verify(tagged, bronze)
    assert (finding.kind, finding.can_be_repaired) == ("untagged", False)
    assert "has 0 of 2 object tags: lakeworks tag bronze.transport.yellow_trips" in finding.detail
    versions = old.client.list_object_versions(Bucket=old.bucket, Prefix=KEY)["Versions"]
    theirs = {"TagSet": [{"Key": "cost-centre", "Value": "4711"}]}
    old.client.put_object_tagging(Bucket=old.bucket, Key=KEY, VersionId=versions[-1]["VersionId"], Tagging=theirs)  # type: ignore[arg-type]
    assert {item.outcome for item in tag_versions(tagged, bronze, dry_run=True)} == {"tagged"}
    found = list(tag_versions(tagged, bronze))
    assert {item.version_id for item in found if item.key == KEY} == {item["VersionId"] for item in versions}
    assert any(item.key.startswith("landing/") for item in found)
    assert {item.outcome for item in found} == {"tagged"}
    assert verify(tagged, bronze) == []
    assert {item.outcome for item in tag_versions(tagged, bronze)} == {"same"}
    oldest = old.client.get_object_tagging(Bucket=old.bucket, Key=KEY, VersionId=versions[-1]["VersionId"])["TagSet"]
    assert {tag["Key"] for tag in oldest} == {"owner", "domain", "cost-centre"}, "tags of others stay"
    many = {"TagSet": [{"Key": f"theirs-{n}", "Value": "x"} for n in range(9)]}
    old.client.put_object_tagging(Bucket=old.bucket, Key=KEY, Tagging=many)  # type: ignore[arg-type]
    assert {item.outcome for item in tag_versions(tagged, bronze) if item.key == KEY} == {"full", "same"}
