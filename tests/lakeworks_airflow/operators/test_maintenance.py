"""Maintenance operators against a real lake."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from lakeworks.contract import Retention, load_contract
from lakeworks.core.partition import Period
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.audit_step import audit
from lakeworks.pipeline.fetch_step import land
from lakeworks.pipeline.publish_step import publish
from lakeworks.pipeline.write_step import write
from lakeworks.settings import current_settings
from lakeworks.sources import open_source
from lakeworks_airflow import (
    CatalogDiffOperator,
    CatalogRepairOperator,
    CompactOperator,
    ExpireOperator,
    GarbageOperator,
    ReplayOperator,
    RollbackOperator,
    RollForwardOperator,
    VerifyOperator,
    WithdrawOperator,
)
from tests.lakeworks.maintenance.test_compaction import contract as large
from tests.lakeworks.maintenance.test_compaction import publish as publish_large
from tests.protocol.test_versioned import Killed, Publishing, table
from tests.support.s3_clock import days_later

BRONZE = "bronze.transport.yellow_trips"
NOTHING_COMPACTED: dict[str, Any] = {"compacted": {}, "overtaken": []}


def environment(monkeypatch: pytest.MonkeyPatch, lake: Lake, endpoint: str, **more: Any) -> None:
    keys = {"login": more.pop("login", "test"), "password": more.pop("password", "testtest")}
    extra = {"endpoint_url": endpoint, "region_name": "us-east-1", **more}
    connection = {"conn_type": "aws", **keys, "extra": extra}
    monkeypatch.setenv("LAKE_BUCKET", lake.store.bucket)
    monkeypatch.setenv("LAKE_SCRATCH_DIR", str(lake.scratch))
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    current_settings.cache_clear()


@pytest.fixture
def published(
    lake: Lake, moto_url: str, replay_url: str, run_at: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lake]:
    """A deployment with one published month."""
    environment(monkeypatch, lake, moto_url)
    contract, period, run = load_contract(BRONZE), Period.parse("2019-01"), run_at(1)
    land(lake, contract, period, run, open_source("nyc_tlc", replay_url))
    publish(lake, audit(lake, write(lake, BRONZE, period, run).key).key)
    yield lake
    current_settings.cache_clear()


def operator(kind: type, **arguments: Any) -> Any:
    with DAG("test", schedule=None):
        return kind(task_id="task", **arguments)


def lose_the_table(lake: Lake) -> None:
    name = load_contract(BRONZE).table
    lake.catalog.client.delete_table(DatabaseName=name.database, Name=name.table)


def test_a_lost_table_is_reported_then_repaired_then_right(published: Lake) -> None:
    right = {"table": BRONZE, "differences": {}, "repaired": 0, "left": []}
    assert operator(CatalogDiffOperator, table=BRONZE, fail=True).execute({}) == right
    lose_the_table(published)
    told = operator(CatalogDiffOperator, table=BRONZE).execute({})
    assert told["differences"] == {"table not in catalog": 1}
    with pytest.raises(AirflowFailException, match=f"Nothing was changed. Run: lakeworks catalog repair {BRONZE}"):
        operator(CatalogDiffOperator, table=BRONZE, fail=True).execute({})
    repaired = operator(CatalogRepairOperator, table=BRONZE).execute({})
    assert (repaired["differences"], repaired["repaired"]) == ({"table not in catalog": 1, "not in catalog": 1}, 2)
    assert operator(CatalogRepairOperator, table=BRONZE).execute({}) == right
    json.dumps([told, repaired])


def test_columns_that_arrived_come_back_with_a_lost_table(published: Lake) -> None:
    before = published.catalog.columns(load_contract(BRONZE))
    lose_the_table(published)
    operator(CatalogRepairOperator, table=BRONZE).execute({})
    assert published.catalog.columns(load_contract(BRONZE)) == before


def test_a_difference_fails_the_verification_with_what_to_do(published: Lake) -> None:
    assert operator(VerifyOperator, table=BRONZE, deep=True).execute({}) == {"table": BRONZE, "differences": {}}
    published.store.delete(["bronze/transport/yellow_trips/year=2019/month=01/part-00000.parquet"])
    with pytest.raises(AirflowFailException, match=rf"missing object.*repair: lakeworks repair {BRONZE}"):
        operator(VerifyOperator, table=BRONZE).execute({})


def test_compaction_leaves_a_table_alone_whose_objects_are_as_they_should_be(published: Lake) -> None:
    before = [entry.seq for entry in published.ledger.live_partitions(load_contract(BRONZE).table).values()]
    assert operator(CompactOperator, tables=[BRONZE]).execute({}) == NOTHING_COMPACTED
    assert operator(CompactOperator).execute({}) == NOTHING_COMPACTED, "no table of ours is versioned"
    assert [e.seq for e in published.ledger.live_partitions(load_contract(BRONZE).table).values()] == before


@pytest.mark.parametrize("overtaken", [False, True])
def test_compaction_rewrites_what_needs_it_and_reports_what_others_published_meanwhile(
    published: Lake, run_at: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, overtaken: bool
) -> None:
    cut, tiny = large(1 << 20), large(1, 50)
    for month in ("2019-01", "2019-02"):
        publish_large(published, table(500), run_at(1), tiny, month)
    turns = iter([overtaken])

    class Engine(DuckDbEngine):
        """Lets another writer publish January while the operator holds its old rows."""

        def session(self) -> Any:
            if next(turns, False):
                publish_large(published, table(500, 7.0), run_at(2), cut, "2019-01")
            return published.engine.session()

    lake = replace(published, engine=Engine(scratch=published.scratch))
    monkeypatch.setattr("lakeworks_airflow.operators.base.connect_lake", lambda _: lake)
    monkeypatch.setattr("lakeworks.contract.load_contract", lambda _: cut)
    done = operator(CompactOperator, tables=[cut.name]).execute({})
    expected: list[str] = [f"{cut.name} 2019-01"] if overtaken else []
    assert done == {"compacted": {cut.name: 2 - len(expected)}, "overtaken": expected}
    live = published.ledger.live_partitions(cut.table).values()
    assert [len(entry.objects) for entry in live] == [1, 1]
    assert operator(CompactOperator, tables=[cut.name]).execute({}) == NOTHING_COMPACTED
    json.dumps(done)


def test_garbage_older_than_its_grace_goes(published: Lake, run_at: Callable[..., Run]) -> None:
    staged = write(published, BRONZE, Period.parse("2019-01"), run_at(2))
    assert operator(GarbageOperator).execute({})["removed"] == {}
    removed = operator(GarbageOperator, older_than=timedelta(0)).execute({})
    assert (removed["removed"], removed["objects"]) == ({"staging": 1}, 2)
    assert published.store.head(staged.key) is None


def test_what_is_past_its_retention_is_withdrawn(
    published: Lake, run_at: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    short = large(target=1 << 20, layout="plain").model_copy(update={"retention": Retention(expire_after_days=30)})
    publish_large(published, table(100), run_at(1), short)
    monkeypatch.setattr("lakeworks_airflow.operators.base.connect_lake", lambda _: published)
    monkeypatch.setattr("lakeworks.contract.load_contract", lambda _: short)
    assert operator(ExpireOperator, table=short.name).execute({})["expired"] == 0
    with days_later(published.store, 31):
        done = operator(ExpireOperator, table=short.name).execute({})
    assert (done["expired"], done["rows"], done["first"]) == (1, 100, ["2019-01"])
    assert published.ledger.live_partitions(short.table) == {}
    json.dumps(done)


def test_a_night_completes_what_a_killed_run_began_before_garbage_is_collected(
    published: Lake, run_at: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Staging is all that is needed to finish: collected first, the run stayed half and `verify` called that right."""
    wanted = large(target=1 << 20, layout="plain")
    lake = replace(published, contract=lambda _: wanted)
    with pytest.raises(Killed):
        Publishing(lake, wanted).publish(table(100), run_at(1), die_at="place")
    monkeypatch.setattr("lakeworks_airflow.operators.base.connect_lake", lambda _: published)
    assert operator(GarbageOperator, older_than=timedelta(0)).execute({})["removed"] == {}, "a publication needs it"
    monkeypatch.setattr("lakeworks_airflow.operators.base.connect_lake", lambda _: published)
    monkeypatch.setattr("lakeworks.contract.load_contract", lambda _: wanted)
    done = operator(RollForwardOperator, table=wanted.name).execute({})
    assert done == {"table": wanted.name, "completed": 1, "abandoned": [], "half_runs": 0}
    (entry,) = published.ledger.live_partitions(wanted.table).values()
    assert entry.rows == 100


def test_a_withdrawal_and_its_rollback_are_named_by_their_runs(published: Lake) -> None:
    contract = load_contract(BRONZE)
    (live,) = published.ledger.live_partitions(contract.table).values()
    facts: dict[str, Any] = {"table": BRONZE, "partition": "2019-01"}
    run = {"dag_run": SimpleNamespace(run_id="lake_page__1")}
    withdrawn = operator(WithdrawOperator, **facts, seen=str(live.live_seq))
    assert withdrawn.execute(run) == {"table": BRONZE, "partition": "2019-01", "publication": 2, "state": "published", "rows": 0}  # fmt: skip
    assert withdrawn.execute(run)["publication"] == 2, "a second try of the run"
    with pytest.raises(AirflowFailException, match="publication 2 is live now; it was 1"):
        operator(RollbackOperator, **facts, seen="1").execute({"dag_run": SimpleNamespace(run_id="lake_page__2")})
    back = operator(RollbackOperator, **facts, to="1", seen="2").execute(
        {"dag_run": SimpleNamespace(run_id="lake_page__3")}
    )
    assert (back["publication"], back["rows"]) == (3, live.rows)
    with pytest.raises(AirflowFailException, match="no quarantined rows"):
        operator(ReplayOperator, table=BRONZE, period="2019-01").execute(
            {
                "dag_run": SimpleNamespace(run_id="lake_page__4", start_date=datetime.now(UTC)),
                "ti": SimpleNamespace(try_number=1),
            }
        )
