"""Expiry: the lake withdraws what is past its retention, everything that looks knows, and nothing brings it back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from lakeworks.contract import Contract
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.publisher import Publisher
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance import expiry
from lakeworks.maintenance.compaction import compact
from lakeworks.maintenance.expiry import expire
from lakeworks.maintenance.renewal import renew
from lakeworks.maintenance.verification import repair, verify
from lakeworks.parquet.dataset import open_dataset
from lakeworks.pipeline.inputs import refuse_expired
from lakeworks.publications.rollbacks import rollback
from tests.conftest import contract_of
from tests.protocol.test_versioned import COLUMNS, Publishing, table
from tests.support.s3_clock import days_later

JANUARY, FEBRUARY = (Partition.of_period(Period.parse(month)) for month in ("2019-01", "2019-02"))
RunAt = Callable[..., Run]


def contract(layout: str = "plain", name: str = "gold.test.daily", **changes: Any) -> Contract:
    storage = {"layout": layout, "target_bytes": 5_000, "row_group_rows": 500}
    retention = {"expire_after_days": 365}
    return contract_of(
        name,
        columns=COLUMNS,
        **{"partition_by": ["month"], "storage": storage, "retention": retention, **changes},
    )


def publish(lake: Lake, wanted: Contract, run: Run, month: str = "2019-01", rows: int = 20) -> LedgerEntry:
    return Publishing(replace(lake, contract=lambda _: wanted), wanted, Period.parse(month)).publish(table(rows), run)


def confirmed_again(lake: Lake, entry: LedgerEntry, days: float) -> None:
    """Set the moment an entry was confirmed: a run that many days after the publication said the same."""
    stored = lake.ledger.read(TableName.parse(entry.table), entry.parsed, entry.seq)
    later = entry.last_confirmed + timedelta(days=days)
    lake.ledger.complete(stored, entry.model_copy(update={"confirmed_at": later}))


def in_catalog(lake: Lake, wanted: Contract) -> list[list[str]]:
    return [item["Values"] for item in lake.catalog.partitions(wanted)]


@pytest.mark.parametrize("layout", ["plain", "versioned"])
def test_a_partition_past_its_retention_is_withdrawn_and_stays_so(lake: Lake, run_at: RunAt, layout: str) -> None:
    """Day 366 used to belong to the bucket: Glue listed what was gone, `verify` failed, and `repair` brought it back."""
    wanted = contract(layout)
    publish(lake, wanted, run_at(1))
    publish(lake, wanted, run_at(1), "2019-02")
    with days_later(lake.store, 364):
        assert expire(lake, wanted, dry_run=False) == []
    confirmed_again(lake, lake.ledger.live(wanted.table, FEBRUARY) or pytest.fail("not live"), days=100)
    with days_later(lake.store, 366):
        (planned,) = expire(lake, wanted)
        assert (planned.partition, planned.rows) == (JANUARY, 20)
        assert in_catalog(lake, wanted) == [["2019", "01"], ["2019", "02"]], "a dry run changes nothing"
        assert expire(lake, wanted, dry_run=False) == [planned]
        assert expire(lake, wanted, dry_run=False) == [], "running it again finds nothing"
        newest = lake.ledger.latest(wanted.table, JANUARY)
        assert newest is not None
        assert (newest.entry.kind, newest.entry.state, newest.entry.objects) == ("expired", "published", ())
        assert in_catalog(lake, wanted) == [["2019", "02"]]
        assert lake.ledger.live(wanted.table, JANUARY) is None
        if layout == "plain":
            assert [item.key for item in lake.store.scan("gold/") if "month=01" in item.key] == []
        findings = verify(lake, wanted, deep=True)
        assert [finding.kind for finding in findings] == []
        assert repair(lake, wanted, findings) == []
        assert lake.ledger.live(wanted.table, JANUARY) is None


def test_a_table_without_partitions_stays_in_the_catalog_and_says_that_it_is_empty(lake: Lake, run_at: RunAt) -> None:
    """Views and grants hang on the table. What it said of the withdrawn rows is gone."""
    wanted = contract(partition_by=[])
    publish(lake, wanted, run_at(1))
    said = (lake.catalog.table(wanted.table) or {})["Parameters"]
    assert (said["numRows"], said["lakeworks.publication"]) == ("20", "1")
    with days_later(lake.store, 366):
        assert len(expire(lake, wanted, dry_run=False)) == 1
        found = lake.catalog.table(wanted.table) or pytest.fail("the table is gone")
        assert (found["Parameters"]["numRows"], found["Parameters"]["totalSize"]) == ("0", "0")
        assert not {"lakeworks.publication", "lakeworks.entry", "lakeworks.audit"} & set(found["Parameters"])
        assert verify(lake, wanted) == []
        stale = {**found["Parameters"], "numRows": "20"}
        client = lake.catalog.client
        kept = {key: found[key] for key in ("Name", "StorageDescriptor", "PartitionKeys", "TableType")}
        client.update_table(DatabaseName=wanted.table.database, TableInput={**kept, "Parameters": stale})
        (late,) = verify(lake, wanted)
        assert "numRows 20 is not 0" in late.detail, "as a late registration leaves it"
        assert repair(lake, wanted, [late]) == [late]
        assert verify(lake, wanted) == []
    publish(lake, wanted, run_at(2))
    assert verify(lake, wanted) == []


def test_the_catalog_forgets_before_the_ledger_says_so_and_a_killed_expiry_is_finished(
    lake: Lake, run_at: RunAt
) -> None:
    wanted = contract()
    publish(lake, wanted, run_at(1))
    seen: list[tuple[str, bool]] = []

    class Killed(BaseException):
        """SIGKILL."""

    def step(name: str) -> None:
        newest = lake.ledger.latest(wanted.table, JANUARY)
        seen.append((name, bool(in_catalog(lake, wanted))))
        if name == "surplus" and newest and newest.entry.kind == "expired":
            raise Killed

    publisher = expiry.publisher_of(lake, wanted)
    killed = Publisher(lake.ledger, publisher.register, on_step=step)
    live = lake.ledger.live(wanted.table, JANUARY)
    assert live is not None
    with pytest.raises(Killed):
        killed.publish([expiry.emptied(live)])
    assert dict(seen)["surplus"] is False, "out of the catalog before an object goes"
    publisher.recover(wanted.table, JANUARY)
    assert lake.ledger.live(wanted.table, JANUARY) is None
    assert verify(lake, wanted) == []


def test_a_partition_that_a_run_confirms_every_day_never_expires(lake: Lake, run_at: RunAt) -> None:
    """Its object is as old as its first publication; retention counts from the last run that said the same."""
    wanted = contract()
    publish(lake, wanted, run_at(1))
    confirmed = publish(lake, wanted, run_at(2))
    assert confirmed.state == "unchanged"
    confirmed_again(lake, confirmed, days=300)
    with days_later(lake.store, 400):
        assert expire(lake, wanted, dry_run=False) == []
        assert verify(lake, wanted) == []
    with days_later(lake.store, 700):
        assert [item.partition for item in expire(lake, wanted, dry_run=False)] == [JANUARY]


def test_a_compaction_makes_rows_no_younger(lake: Lake, run_at: RunAt) -> None:
    wanted = contract("versioned")
    first = publish(lake, wanted, run_at(1), rows=4_000)
    larger = wanted.model_copy(update={"storage": wanted.storage.model_copy(update={"target_bytes": 1 << 20})})
    done = compact(lake, larger, JANUARY)
    assert done.kind == "compaction"
    assert done.last_confirmed == first.last_confirmed


def test_a_run_that_confirms_while_expiry_decides_wins(lake: Lake, run_at: RunAt) -> None:
    wanted = contract()
    stale = publish(lake, wanted, run_at(1))
    assert publish(lake, wanted, run_at(2)).state == "unchanged"
    other = publish(lake, wanted, run_at(1), "2019-02")
    done = expiry.withdraw_expired(lake, wanted, [stale, other])
    assert [entry.parsed for entry in done] == [FEBRUARY], "the one that was confirmed stops no other one"
    assert lake.ledger.live(wanted.table, JANUARY) is not None
    assert lake.ledger.live(wanted.table, FEBRUARY) is None


def test_what_the_bucket_expired_first_is_withdrawn_by_repair_not_brought_back(lake: Lake, run_at: RunAt) -> None:
    """No maintenance ran: S3's rule put a delete marker, and 30 days later removed the version."""
    wanted = contract()
    (item,) = publish(lake, wanted, run_at(1)).objects
    lake.store.delete([item.key])
    with days_later(lake.store, 366):
        (finding,) = verify(lake, wanted)
        assert finding.kind == "past retention"
        assert "the bucket has deleted its objects" in finding.detail
        assert "lakeworks expire gold.test.daily" in finding.detail
        lake.store.client.delete_object(Bucket=lake.store.bucket, Key=item.key, VersionId=item.version_id)
        assert repair(lake, wanted, [finding]) == [finding]
        assert lake.store.head(item.key) is None
        assert verify(lake, wanted) == []


def test_verify_names_what_the_nightly_expiry_left(lake: Lake, run_at: RunAt) -> None:
    wanted = contract()
    publish(lake, wanted, run_at(1))
    with days_later(lake.store, 366):
        assert verify(lake, wanted) == [], "the expiry of that night may still come"
    with days_later(lake.store, 368):
        assert [finding.kind for finding in verify(lake, wanted)] == ["past retention"]


def test_a_person_can_bring_an_expired_partition_back_and_its_retention_begins_again(lake: Lake, run_at: RunAt) -> None:
    wanted = contract()
    publish(lake, wanted, run_at(1))
    with days_later(lake.store, 366):
        expire(lake, wanted, dry_run=False)
    back = rollback(lake, wanted, JANUARY)
    assert (back.kind, back.rows) == ("rollback", 20)
    assert back.last_confirmed > datetime.now(back.last_confirmed.tzinfo) - timedelta(hours=1)


def test_a_table_without_expiry_is_not_listed(lake: Lake, run_at: RunAt) -> None:
    kept = contract(retention={})
    publish(lake, kept, run_at(1))
    with days_later(lake.store, 10_000):
        assert expire(lake, kept, dry_run=False) == []


def test_a_run_refuses_to_build_from_what_is_left_of_its_inputs(lake: Lake, run_at: RunAt) -> None:
    """Half of the month's days had expired: the month would have been published with the other half's rows, green."""
    source = contract(name="silver.test.large", retention={"expire_after_days": 365})
    built = contract_of("gold.test.copies", columns=COLUMNS, partition_by=["month"])
    for month in ("2019-01", "2019-02"):
        publish(lake, source, run_at(1), month)
    january, later = Period.parse("2019-01"), Period.parse("2019-02")
    refuse_expired(lake, built, source, lake.live(source, january), [january])
    confirmed_again(lake, lake.ledger.live(source.table, FEBRUARY) or pytest.fail("not live"), days=100)
    with days_later(lake.store, 366):
        assert len(expire(lake, source, dry_run=False)) == 1
    with pytest.raises(
        LakeNotFound, match=r"expired after 365 days, first 2019-01\. .*would lose rows\. Nothing was staged"
    ):
        refuse_expired(lake, built, source, lake.live(source, january), [january, later])
    refuse_expired(lake, built, source, lake.live(source, later), [later])


def lose_pinned_version(lake: Lake, entry: LedgerEntry) -> None:
    """What `aws s3 cp` of an object onto itself, and 30 days, leave: the same bytes in a version the ledger does not pin."""
    (item,) = entry.objects
    place = lake.store.place(item.key)
    lake.store.client.copy_object(**place, CopySource=place, StorageClass="STANDARD_IA")
    lake.store.client.delete_object(**place, VersionId=item.version_id)


def test_a_reader_by_ledger_finds_the_published_bytes_in_another_version(lake: Lake, run_at: RunAt) -> None:
    """Every transform and query failed with NoSuchVersion while `verify` said nothing."""
    wanted = contract()
    lose_pinned_version(lake, publish(lake, wanted, run_at(1)))
    live = lake.ledger.live_partitions(wanted.table)
    assert open_dataset(lake.store, wanted, live.values()).count_rows() == 20


@pytest.mark.parametrize("left", ["nothing", "other bytes"])
def test_a_query_fails_for_a_lost_partition_by_its_name(lake: Lake, run_at: RunAt, left: str) -> None:
    """`lakeworks sql` failed as a whole with a version id, or asked to correct the SQL."""
    wanted = contract()
    lost = publish(lake, wanted, run_at(1))
    publish(lake, wanted, run_at(1), "2019-02")
    lose_pinned_version(lake, lost)
    if left == "nothing":
        lake.store.delete([lost.objects[0].key])
    else:
        lake.store.put(lost.objects[0].key, b"something else")
    dataset = open_dataset(lake.store, wanted, lake.ledger.live_partitions(wanted.table).values())
    with lake.engine.session() as session:
        session.attach(wanted.table, dataset)
        with pytest.raises(LakeNotFound, match=r"`gold.test.daily` 2019-01 cannot be read: .*lakeworks withdraw"):
            session.query("SELECT count(DISTINCT value) FROM gold_test.daily")
    assert [finding.kind for finding in verify(lake, wanted)][:1] == ["lost object"]


def test_what_a_repair_wrote_to_the_ledger_makes_rows_no_younger(lake: Lake, run_at: RunAt) -> None:
    wanted = contract()
    confirmed_again(lake, publish(lake, wanted, run_at(1)), days=-366)
    assert [item.partition for item in expire(lake, wanted, dry_run=False)] == [JANUARY], "its ledger entry is of today"


@pytest.mark.parametrize("layout", ["plain", "versioned"])
def test_a_partition_that_is_confirmed_every_day_keeps_its_object(lake: Lake, run_at: RunAt, layout: str) -> None:
    """The bucket deleted it 365 days after its first publication, under a ledger that called it live."""
    wanted = contract(layout)
    publish(lake, wanted, run_at(1))
    confirmed = publish(lake, wanted, run_at(2))
    assert confirmed.state == "unchanged"
    confirmed_again(lake, confirmed, days=366)
    assert renew(lake, wanted) == [], "its object is young"
    with days_later(lake.store, 367):
        assert expire(lake, wanted, dry_run=False) == []
        assert renew(lake, wanted) == [JANUARY]
    entry = lake.ledger.live(wanted.table, JANUARY)
    assert entry is not None
    assert (entry.live_seq, entry.last_confirmed) == (1, confirmed.last_confirmed + timedelta(days=366))
    for before, item in zip(confirmed.objects, entry.objects, strict=True):
        head = lake.store.head(item.key)
        assert head is not None
        assert head.version_id == item.version_id != before.version_id
    assert verify(lake, wanted, deep=True) == []
    assert publish(lake, wanted, run_at(3)).state == "unchanged"


def test_an_old_object_past_its_retention_is_not_renewed(lake: Lake, run_at: RunAt) -> None:
    wanted = contract()
    publish(lake, wanted, run_at(1))
    with days_later(lake.store, 400):
        assert renew(lake, wanted) == []
