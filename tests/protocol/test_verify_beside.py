"""Verification beside publications under way: a healthy one is no finding."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from lakeworks.lake import Lake
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.verification import repair, verify
from lakeworks.pipeline.publish_step import entry_for
from lakeworks.pipeline.registration import Registrar
from lakeworks.s3.object_store import Target
from tests.protocol.test_versioned import PARTITION, Publishing, contract, table


@pytest.mark.parametrize("layout", ["plain", "versioned"])
def test_a_healthy_publication_is_no_finding_at_any_step(lake: Lake, run_at: Callable[..., Run], layout: str) -> None:
    wanted = contract(layout)
    beside = Publishing(replace(lake, contract=lambda _: wanted), wanted)
    beside.publish(table(100), run_at(1))
    told: dict[str, list[str]] = {}

    def look(step: str) -> None:
        told[step] = [
            finding.kind for finding in verify(beside.lake, wanted) if finding.kind != "catalog behind ledger"
        ]

    manifest = beside.stage(table(100, 2.0), run_at(2))
    publisher = Publisher(beside.lake.ledger, Registrar(beside.lake, wanted), on_step=look)
    publisher.publish([entry_for(wanted, manifest, item) for item in manifest.partitions])
    assert len(told) == 7
    assert not any(told.values()), told


def test_an_unfinished_publication_is_one_when_it_had_time_enough(lake: Lake, run_at: Callable[..., Run]) -> None:
    beside = Publishing(replace(lake, contract=lambda _: contract()), contract())
    with pytest.raises(BaseException, match="placed"):
        beside.publish(table(100), run_at(1), die_at="placed")
    assert [item.kind for item in verify(beside.lake, beside.wanted, patience=timedelta(0))][:1] == ["unfinished"]
    assert "unfinished" not in [item.kind for item in verify(beside.lake, beside.wanted)]


def test_a_pin_that_is_not_current_is_found_and_repaired(lake: Lake, run_at: Callable[..., Run]) -> None:
    """A copy onto itself, for another storage class or key: the pinned version is deleted a month later."""
    wanted = contract("plain")
    beside = Publishing(replace(lake, contract=lambda _: wanted), wanted)
    (item,) = beside.publish(table(100), run_at(1)).objects
    body, found = lake.store.get(item.key)
    copied = lake.store.put(Target(item.key, found.metadata), body)
    findings = verify(beside.lake, wanted)
    assert [(finding.kind, finding.partition) for finding in findings] == [("pin not current", PARTITION)]
    assert repair(beside.lake, wanted, findings) == findings
    assert verify(beside.lake, wanted) == []
    live = beside.lake.ledger.live(wanted.table, PARTITION)
    assert live
    assert live.objects[0].version_id == copied.version_id


def test_what_was_published_while_versioning_was_suspended_is_named(lake: Lake, run_at: Callable[..., Run]) -> None:
    """Nothing is wrong with it until a person rolls back or repairs: there is no version to go back to."""
    wanted = contract("plain")
    beside = Publishing(replace(lake, contract=lambda _: wanted), wanted)
    client, bucket = lake.store.client, lake.store.bucket
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    beside.publish(table(100), run_at(1))
    (found,) = verify(beside.lake, wanted)
    assert (found.kind, found.partition, found.can_be_repaired) == ("not versioned", PARTITION, False)
    assert "versioning is off or suspended" in found.detail
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    beside.publish(table(200), run_at(2))
    assert verify(beside.lake, wanted) == []
