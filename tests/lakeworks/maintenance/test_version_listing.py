"""Verification of many objects: one listing of versions proves those that are as published; the others are looked at."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from lakeworks.contract import Contract
from lakeworks.core.layout import versions_prefix
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.placement import SEQUENCE
from lakeworks.maintenance.verification import verify
from lakeworks.pipeline.registration import Registrar
from lakeworks.s3.object_store import SHA256, Target
from tests.support.many_partitions import Many, entry, many, partitions, prices

CONTRACT = prices()
COUNT = 12


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Many]:
    """Twelve partitions of one object each, in a bucket that keeps versions."""
    with many(tmp_path) as made:
        made.lake.store.client.put_bucket_versioning(
            Bucket=made.lake.store.bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        *plain, last = [entry(CONTRACT, partition) for partition in partitions(COUNT)]
        entries = [placed(made, CONTRACT, item) for item in (*plain, versioned(last))]
        made.put(entries, objects=False)
        Registrar(made.lake, CONTRACT)(entries)
        made.reset()
        yield made


def versioned(item: LedgerEntry) -> LedgerEntry:
    """The entry with its object in the folder of the layout `versioned`."""
    location = versions_prefix(CONTRACT.table, "manual__1.1", item.parsed)
    (live,) = item.objects
    moved = live.model_copy(update={"key": f"{location}part-00000.parquet"})
    return item.model_copy(update={"objects": (moved,), "location": location, "layout": "versioned"})


def placed(made: Many, contract: Contract, item: LedgerEntry) -> LedgerEntry:
    """The entry with the version that its object got."""
    (live,) = item.objects
    stored = made.lake.store.put(Target(live.key, {SEQUENCE: str(item.live_seq), SHA256: live.sha256}), b"x")
    return item.model_copy(update={"objects": (live.model_copy(update={"version_id": stored.version_id}),)})


def refuse_listing(made: Many) -> None:
    """S3 answers that the role may not list versions."""
    body = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
    raw: Any = SimpleNamespace(stream=lambda **_: iter([body]), read=lambda *_: body)
    made.lake.store.client.meta.events.register(
        "before-send.s3.ListObjectVersions", lambda request, **_: AWSResponse(request.url, 403, {}, raw)
    )


def findings(made: Many) -> list[tuple[str, str]]:
    return sorted((finding.kind, finding.partition.path) for finding in verify(made.lake, CONTRACT))


def test_objects_as_published_take_a_listing_a_folder_and_each_entry_is_read_once(made: Many) -> None:
    assert findings(made) == []
    assert made.calls["ListObjectVersions"] == 2  # the table's folder, and that of its versioned objects
    assert made.calls["GetObject"] == COUNT + 1  # and the register of the table's runs
    assert "HeadObject" not in made.calls


def test_a_changed_and_a_missing_object_are_found_among_proven_ones(made: Many) -> None:
    first, second, third, *_ = partitions(COUNT)
    keys = [entry(CONTRACT, partition).objects[0].key for partition in (first, second, third)]
    made.lake.store.put(keys[0], b"other")
    made.lake.store.delete([keys[1]])
    head = made.lake.store.head(keys[2])
    assert head is not None
    made.lake.store.put(Target(keys[2], head.metadata), b"other bytes, the same metadata")
    wrong = sorted([("changed object", first.path), ("missing object", second.path), ("pin not current", third.path)])
    by_listing = findings(made)
    refuse_listing(made)
    assert by_listing == findings(made)
    assert [item for item in by_listing if item[0] != "no object"] == wrong


def test_a_role_that_may_not_list_versions_looks_at_each_object(made: Many) -> None:
    refuse_listing(made)
    assert findings(made) == []
    assert made.calls["HeadObject"] >= COUNT


def test_objects_with_declared_tags_are_looked_at(made: Many) -> None:
    made.lake.store.tags = lambda _: {"owner": "prices"}
    assert {kind for kind, _ in findings(made)} == {"untagged"}
    assert len(findings(made)) == COUNT
