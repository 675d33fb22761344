"""Archived objects: errors that name class, time, price and command; restores that are asked for once and waited for."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from airflow.exceptions import TaskDeferred
from botocore.awsrequest import AWSResponse

from lakeworks.core.partition import Partition, Period
from lakeworks.errors import ConfigError, LakeNotFound, ObjectArchived
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.run_record import Run
from lakeworks.maintenance.restoration import restore
from lakeworks.maintenance.verification import verify
from lakeworks.parquet.dataset import open_dataset
from lakeworks.prices import load_price_book
from lakeworks.publications.rollbacks import rollback
from lakeworks.settings import current_settings
from lakeworks_airflow import RestoreOperator
from tests.lakeworks.maintenance.test_expiry import contract, publish
from tests.lakeworks_airflow.operators.test_maintenance import environment, operator

MONTH, BOOK = Period.parse("2019-01"), load_price_book()
PARTITION = Partition.of_period(MONTH)
RunAt = Callable[..., Run]


def archive(lake: Lake, entry: LedgerEntry, storage_class: str = "DEEP_ARCHIVE") -> None:
    """Move the live objects to an archive class, and pin the versions that makes (a lifecycle rule makes none)."""
    objects = []
    for item in entry.objects:
        place = lake.store.place(item.key)
        made = lake.store.client.copy_object(**place, CopySource=place, StorageClass=storage_class)
        objects.append(item.model_copy(update={"version_id": made["VersionId"]}))
    stored = lake.ledger.read(contract().table, entry.parsed, entry.seq)
    lake.ledger.complete(stored, entry.model_copy(update={"objects": tuple(objects)}))


@contextmanager
def slow_restores(lake: Lake) -> Iterator[None]:
    """S3 takes hours for a restore; moto is done at once, so its answers are changed."""

    def move(parsed: dict[str, Any], **_: Any) -> None:
        if "Restore" in parsed:
            parsed["Restore"] = 'ongoing-request="true"'

    lake.store.client.meta.events.register("after-call.s3.HeadObject", move)
    try:
        yield
    finally:
        lake.store.client.meta.events.unregister("after-call.s3.HeadObject", move)


@contextmanager
def asked_restores(lake: Lake) -> Iterator[list[str]]:
    """The versions that are to be restored; moto restores only the current one."""
    asked: list[str] = []

    def answer(params: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        asked.append(params["query_string"]["versionId"])
        return AWSResponse("", 202, {}, None), {}

    lake.store.client.meta.events.register("before-call.s3.RestoreObject", answer)
    try:
        yield asked
    finally:
        lake.store.client.meta.events.unregister("before-call.s3.RestoreObject", answer)


@pytest.fixture
def archived(lake: Lake, run_at: RunAt) -> Lake:
    """One month in DEEP_ARCHIVE, one in STANDARD."""
    wanted = contract()
    archive(lake, publish(lake, wanted, run_at(1)))
    publish(lake, wanted, run_at(1), "2019-02")
    return lake


def test_a_read_of_an_archived_object_names_class_time_price_and_command(archived: Lake) -> None:
    """It was reported as "access denied, check the credentials"."""
    (item,) = (archived.ledger.live(contract().table, PARTITION) or pytest.fail("not live")).objects
    reads = (
        lambda: archived.store.get(item.key, item.version_id),
        lambda: archived.store.get_range(item.key, 0, 4, item.version_id),
        lambda: archived.store.download(item.key, archived.scratch / "x", item.version_id),
    )
    for read in reads:
        with pytest.raises(ObjectArchived) as refused:
            read()
        text = str(refused.value)
        assert "is archived in DEEP_ARCHIVE and cannot be read before it is restored" in text
        assert "bulk up to 48 h, $0.0025 a GB and $0.025 per 1,000 objects; standard up to 12 h, $0.02 a GB" in text
        assert text.endswith("lakeworks restore gold.test.daily 2019-01 --dry-run")
        assert "credentials" not in text


def test_a_query_over_a_table_with_an_archived_partition_names_it(archived: Lake) -> None:
    live = archived.ledger.live_partitions(contract().table)
    dataset = open_dataset(archived.store, contract(), live.values())
    with archived.engine.session() as session:
        session.attach(contract().table, dataset)
        with pytest.raises(ObjectArchived, match="restore gold.test.daily 2019-01"):
            session.query("SELECT count(DISTINCT value) FROM gold_test.daily")


def test_verify_reads_what_is_readable_and_passes_over_archives(archived: Lake) -> None:
    assert verify(archived, contract(), deep=True) == []


def test_a_restore_is_planned_asked_for_once_and_done(archived: Lake) -> None:
    planned = restore(archived, contract(), MONTH, BOOK)
    row = planned.as_dict()
    assert (row["classes"], row["archived"], row["hours"], row["tier"]) == ("DEEP_ARCHIVE", 1, 48, "bulk")
    assert planned.cost_usd == pytest.approx(0.025 / 1000, rel=0.01)
    assert restore(archived, contract(), MONTH, BOOK).as_dict() == row, "looking requests nothing"
    assert restore(archived, contract(), Period.parse("2019-02"), BOOK).items == ()
    with slow_restores(archived):
        under_way = restore(archived, contract(), MONTH, BOOK, days=3)
        assert (under_way.as_dict()["restoring"], under_way.is_readable) == (1, False)
        assert restore(archived, contract(), MONTH, BOOK, days=3).as_dict()["restoring"] == 1, (
            "asking again changes nothing"
        )
    done = restore(archived, contract(), None, BOOK)
    assert (done.as_dict()["restored"], done.is_readable, done.as_dict()["bytes"]) == (1, True, 0)
    assert done.until is not None
    live = archived.ledger.live_partitions(contract().table)
    assert open_dataset(archived.store, contract(), live.values()).count_rows() == 40


def test_a_tier_the_class_does_not_have_is_refused_before_anything_is_asked(archived: Lake) -> None:
    with pytest.raises(ConfigError, match=r"DEEP_ARCHIVE has no expedited restore \(it has bulk, standard\)"):
        restore(archived, contract(), MONTH, BOOK, tier="expedited", days=1)
    with pytest.raises(ConfigError, match="`fast` is not a tier"):
        restore(archived, contract(), MONTH, BOOK, tier="fast", days=1)  # type: ignore[arg-type]
    assert restore(archived, contract(), MONTH, BOOK).as_dict()["archived"] == 1


def test_a_task_asks_and_waits_without_a_worker(archived: Lake, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, archived, moto_url)
    monkeypatch.setattr("lakeworks_airflow.operators.base.connect_lake", lambda _: archived)
    monkeypatch.setattr("lakeworks.contract.load_contract", lambda _: contract())
    task = operator(
        RestoreOperator, table=contract().name, period="2019-01", until="2019-02", tier="standard", days="3"
    )
    with slow_restores(archived), pytest.raises(TaskDeferred) as waiting:
        task.execute({})
    assert waiting.value.method_name == "look_again"
    rows = task.look_again({})
    assert [(row["period"], row["restored"], row["archived"]) for row in rows] == [("2019-01", 1, 0), ("2019-02", 0, 0)]
    json.dumps(rows)
    current_settings.cache_clear()


def test_a_rollback_to_an_archived_publication_is_refused_before_it_takes_a_number(
    archived: Lake, run_at: RunAt
) -> None:
    """Seed 1005655: it took a number, which nobody could complete for hours, and said that nothing was changed."""
    lake, wanted = replace(archived, contract=lambda _: contract()), contract()
    publish(lake, wanted, run_at(2), rows=3)
    before = lake.ledger.sequence(wanted.table, PARTITION)
    with pytest.raises(ObjectArchived, match=r"restore gold.test.daily 2019-01 --publication 1 --dry-run$"):
        rollback(lake, wanted, PARTITION)
    assert lake.ledger.sequence(wanted.table, PARTITION) == before
    assert restore(lake, wanted, MONTH, BOOK).items == (), "the live publication is readable"
    assert [item.state for item in restore(lake, wanted, MONTH, BOOK, publication=1).items] == ["archived"]
    first = lake.ledger.read(wanted.table, PARTITION, 1).entry
    with asked_restores(lake) as asked:
        restore(lake, wanted, MONTH, BOOK, days=1, publication=1)
    assert asked == [item.version_id for item in first.objects]
    with pytest.raises(LakeNotFound, match=r"has a publication 9 with rows(?s:.*)Nothing was requested"):
        restore(lake, wanted, MONTH, BOOK, publication=9)


def test_a_restore_of_an_earlier_publication_never_takes_the_live_object(archived: Lake, run_at: RunAt) -> None:
    """The bucket deleted the earlier version, and what lies at its key is archived too."""
    lake, wanted = replace(archived, contract=lambda _: contract()), contract()
    archive(lake, publish(lake, wanted, run_at(2), rows=3))
    for item in lake.ledger.read(wanted.table, PARTITION, 1).entry.objects:
        lake.store.client.delete_object(**lake.store.place(item.key), VersionId=str(item.version_id))
    assert restore(lake, wanted, MONTH, BOOK, publication=1).items == ()
    assert len(restore(lake, wanted, MONTH, BOOK).items) == 1


def test_an_unfinished_rollback_whose_source_was_archived_meanwhile_blocks_no_run(
    archived: Lake, run_at: RunAt
) -> None:
    lake, wanted = replace(archived, contract=lambda _: contract()), contract()
    publish(lake, wanted, run_at(2), rows=3)
    first = lake.ledger.read(wanted.table, PARTITION, 1).entry
    rolled = {"seq": 3, "live_seq": 3, "state": "publishing", "kind": "rollback", "staging": ""}
    sources = tuple(
        item.model_copy(update={"source_key": item.key, "source_version": item.version_id, "version_id": None})
        for item in first.objects
    )
    lake.ledger.reserve(first.model_copy(update={**rolled, "objects": sources}))
    assert publish(lake, wanted, run_at(3), rows=4).seq == 4
    assert lake.ledger.read(wanted.table, PARTITION, 3).entry.state == "abandoned"
    assert not [finding for finding in verify(lake, wanted) if finding.kind == "unfinished"]
