"""What a plan finds at the copy, and what it says about it."""

from dataclasses import replace
from typing import Any

import pytest

from lakeworks.core.layout import epoch_key, ledger_key, live_key
from lakeworks.core.tenant import Tenant
from lakeworks.errors import FailoverRefused, LakeAccessDenied, NotPrimary
from lakeworks.failover.replica_refusal import refuse_replicas
from lakeworks.infrastructure.resources.bucket_manifest import KEY
from lakeworks.infrastructure.resources.replication import REFUSAL_SID
from lakeworks.tenants.registry import TenantRecord, TenantRegistry
from tests.lakeworks.failover.test_drill import check
from tests.lakeworks.failover.test_way_back import rows_of
from tests.lakeworks.failover.two_regions import DAYS, PARTITIONS, TwoRegions
from tests.simulation.clock import START
from tests.simulation.stored import failure


def lakes_with(*numbers: int) -> TwoRegions:
    lakes = TwoRegions()
    for number in numbers:
        lakes.west.publish(number, DAYS[:1])
        lakes.deliver()
    return lakes


def row_of(lakes: TwoRegions, **options: Any) -> dict[str, Any]:
    return lakes.takeover(**options).plan().tables[0].rows[0]


def damage(lakes: TwoRegions, key: str, body: bytes) -> None:
    """Replace the bytes of what lies at a key, and nothing else of it."""
    versions = lakes.north.bucket.keys[key]
    versions[-1] = replace(versions[-1], body=body)


LIVE = live_key(TwoRegions().west.contract.table, PARTITIONS[0])


def test_a_whole_copy_has_its_newest_publication() -> None:
    assert row_of(lakes_with(1, 2)) == {
        "table": "silver.lake.days", "partition": "2026-01-01", "outcome": "newest", "publication": 2, "rows": 2, "why": "",
    }  # fmt: skip


def test_an_object_that_is_not_here_leaves_the_older_publication() -> None:
    lakes = lakes_with(1)
    lakes.west.publish(2, DAYS[:1])
    lakes.deliver(without="part-00000")
    row = row_of(lakes)
    assert row["publication"] == 1
    assert row["why"] == (
        f"publication 2: `{LIVE}` is here without the bytes of publication 2; publication 2 has not arrived"
    )
    lakes.takeover().apply(accept_loss=True)
    assert lakes.north.by_path()[PARTITIONS[0]] == rows_of(1)[PARTITIONS[0]]
    check(lakes.north, 3)


def test_an_entry_that_is_not_here_leaves_the_older_publication_and_its_object_is_set_back() -> None:
    lakes = lakes_with(1)
    lakes.west.publish(2, DAYS[:1])
    lakes.deliver(only="part-00000")
    lakes.lose()
    lakes.takeover().apply(primary_is_lost=True)
    assert lakes.north.by_path()[PARTITIONS[0]] == rows_of(1)[PARTITIONS[0]]
    check(lakes.north, 3)


def test_an_object_without_any_entry_is_removed_and_one_of_another_program_stays() -> None:
    lakes = lakes_with()
    lakes.west.publish(1, DAYS[:1])
    lakes.deliver(only="part-00000")
    foreign = LIVE.replace("part-00000.parquet", "notes.txt")
    lakes.north.lake.store.put(foreign, b"a person's")
    lakes.lose()
    plan, _ = lakes.takeover().apply(primary_is_lost=True)
    assert [(row["outcome"], LIVE in row["why"]) for row in plan.tables[0].rows] == [("stray", True)]
    assert lakes.north.bucket.below("silver/") == [foreign]


def test_a_truncated_object_is_found_and_changed_bytes_only_by_a_deep_look() -> None:
    lakes = lakes_with(1)
    body = lakes.north.bucket.keys[LIVE][-1].body
    damage(lakes, LIVE, body[:-9])
    assert (row := row_of(lakes))["outcome"] == "none"
    assert row["why"].startswith(f"publication 1: `{LIVE}` is damaged: its {len(body) - 9:,} bytes are not the")
    damage(lakes, LIVE, body[:100] + bytes([body[100] ^ 1]) + body[101:])
    assert row_of(lakes)["outcome"] == "newest"
    assert row_of(lakes, deep=True)["outcome"] == "none"


def test_an_unreadable_entry_is_replaced_so_that_readers_go_on() -> None:
    lakes = lakes_with(1, 2)
    damage(lakes, ledger_key(lakes.west.contract.table, PARTITIONS[0], 2), b"{")
    assert "publication 2: " in row_of(lakes)["why"]
    lakes.lose()
    lakes.takeover().apply(primary_is_lost=True)
    assert lakes.north.by_ledger()[PARTITIONS[0]] == rows_of(1)[PARTITIONS[0]]


def test_the_completion_that_arrived_before_the_reservation_counts() -> None:
    """Both are versions of one key. The later one may be covered by the earlier one."""
    lakes = lakes_with(1)
    versions = lakes.north.bucket.keys[ledger_key(lakes.west.contract.table, PARTITIONS[0], 1)]
    versions.sort(key=lambda version: b'"publishing"' in version.body)
    assert b'"publishing"' in versions[-1].body
    assert row_of(lakes)["outcome"] == "newest"
    lakes.takeover().apply()
    check(lakes.north, 2)


def test_a_run_is_taken_whole_or_not_at_all() -> None:
    lakes = TwoRegions()
    lakes.west.publish(1)
    lakes.deliver()
    lakes.west.publish(2)
    lakes.deliver(without="day=03")
    lakes.lose()
    plan, _ = lakes.takeover().apply(primary_is_lost=True)
    whys = [row["why"] for row in plan.tables[0].rows]
    assert whys[0] == (
        "publication 2: it is of run `run-2` over several partitions, and its partition year=2026/month=01/day=03 is not here"
    )
    assert check(lakes.north, 3) == rows_of(1)


def test_a_run_whose_record_is_not_here_is_counted() -> None:
    lakes = TwoRegions()
    lakes.west.publish(1)
    lakes.deliver(without="_runs")
    assert lakes.takeover().plan().counted()["newest"] == 3
    lakes = TwoRegions()
    lakes.west.publish(1)
    lakes.deliver(without="_runs/2026")
    lakes.west.publish(2)
    lakes.deliver(only="day=01")
    lakes.deliver(only="_numbers")
    rows = lakes.takeover().plan().tables[0].rows
    assert "and 1 of its 3 partitions are here" in rows[0]["why"]


def test_the_primary_of_an_older_release_is_known_by_its_manifest() -> None:
    lakes = lakes_with(1)
    lakes.north.bucket.keys.pop(epoch_key())
    lakes.north.bucket._names.remove(epoch_key())  # the copy never had it
    with pytest.raises(FailoverRefused, match=r"`s3://north` has neither .* Is LAKE_BUCKET the bucket"):
        lakes.takeover().plan()
    lakes.north.lake.store.put(KEY, b"bucket_name: west\nregion: eu-west-1\n")
    assert lakes.takeover().situation().document.bucket == "west"
    lakes.takeover().apply()
    assert (lakes.north.document().epoch, lakes.west.document().bucket) == (2, "north")


def test_every_tenants_share_is_taken_over() -> None:
    lakes = lakes_with(1)
    record = TenantRecord(id="acme", owner="a team", since=START)
    TenantRegistry(lakes.west.lake.store).save(record)
    acme = lakes.west.lake.for_tenant(Tenant("acme"))
    lakes.west.publish(2, DAYS[:1], lake=acme)
    lakes.deliver()
    plan, _ = lakes.takeover().apply()
    assert [table.name for table in plan.tables] == ["silver.lake.days", "acme/silver.lake.days"]
    assert [row["publication"] for table in plan.tables for row in table.rows] == [1, 1]
    with pytest.raises(NotPrimary):
        lakes.west.publish(3, DAYS[:1], lake=acme)
    lakes.north.publish(3, DAYS[:1], lake=lakes.north.lake.for_tenant(Tenant("acme")))


def test_another_programs_statements_of_the_policy_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    lakes = lakes_with(1)
    theirs = '{"Version": "2012-10-17", "Statement": [{"Sid": "Theirs", "Effect": "Deny"}]}'
    lakes.north.bucket.policy = theirs
    assert refuse_replicas(lakes.north.s3, "north", "eu-north-1")
    assert not refuse_replicas(lakes.north.s3, "north", "eu-north-1")
    assert "Theirs" in str(lakes.north.bucket.policy)
    assert REFUSAL_SID in str(lakes.north.bucket.policy)

    def denied(**_: Any) -> None:
        raise failure("AccessDenied", 403, "GetBucketPolicy")

    monkeypatch.setattr(lakes.north.bucket, "get_bucket_policy", denied)
    with pytest.raises(LakeAccessDenied):
        refuse_replicas(lakes.north.s3, "north", "eu-north-1")


def test_a_situation_in_words() -> None:
    lakes = lakes_with(1)
    takeover = lakes.takeover()
    assert takeover.describe(takeover.situation()) == {
        "epoch": 1, "primary": "west", "region": "eu-west-1", "state": "primary", "answers": "yes", "replicas": "admitted",
    }  # fmt: skip
    lakes.lose()
    assert str(takeover.describe(takeover.situation())["answers"]).startswith("no: ")
    takeover.apply(primary_is_lost=True)
    assert takeover.describe(takeover.situation())["replicas"] == "refused"
