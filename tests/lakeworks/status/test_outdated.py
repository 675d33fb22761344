"""Partitions that other code made than a build today would use. A doubled duration went unnoticed."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakeworks.backfill.dag import PipelineDag
from lakeworks.backfill.plan import Doings, make_plan
from lakeworks.contract import load_contract
from lakeworks.core.layout import run_key
from lakeworks.core.partition import Partition, Period
from lakeworks.ledger.run_record import inputs_fingerprint
from lakeworks.project import current_project
from lakeworks.status.matrix import Cell
from lakeworks.status.table_status import status
from lakeworks.transform.fingerprints import code_fingerprint
from tests.support.many_partitions import Many, entry, many

GOLD, SILVER = "gold.transport.hourly_demand", "silver.transport.trips"
DAY = Period.parse("2019-02-05")
PARTITION = Partition.of_period(DAY)
SQL = "gold/transport/hourly_demand/transform.sql"


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the taxi tables, to be edited."""
    own, copy = current_project(), tmp_path / "project/include/lake/tables"
    for name in (GOLD, SILVER):
        path = load_contract(name).table.path
        shutil.copytree(own.tables / path, copy / path)
    (tmp_path / "project/lake.yml").write_text("")
    monkeypatch.setenv("LAKE_PROJECT", str(tmp_path / "project"))
    return copy


@pytest.fixture
def lake(tmp_path: Path, tables: Path) -> Iterator[Many]:
    """One published day of the silver and of the gold table."""
    silver, gold = load_contract(SILVER), load_contract(GOLD)
    with many(tmp_path) as found:
        found.publish(silver, [entry(silver, PARTITION, period=str(DAY))])
        inputs = inputs_fingerprint([(SILVER, PARTITION.path, 1)])
        code = str(code_fingerprint(gold, load_contract))
        found.publish(gold, [entry(gold, PARTITION, period=str(DAY), inputs=inputs, code=code)])
        yield found


def rewrite(path: Path, before: str, after: str) -> None:
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))


def cell(lake: Many) -> Cell:
    ((found,),) = (matrix.cells for matrix in status(lake.lake, [load_contract(GOLD)]))
    return found


def test_changed_sql_makes_what_it_built_outdated_and_a_reformat_does_not(lake: Many, tables: Path) -> None:
    assert cell(lake).state == "published"
    rewrite(tables / SQL, "SELECT", "SELECT -- one row an hour\n ")
    assert cell(lake).state == "published"
    rewrite(tables / SQL, "COUNT(*)", "2 * COUNT(*)")
    assert (cell(lake).state, cell(lake).why[:35]) == ("outdated", "SQL, functions, rules or types chan")


def test_the_ledger_alone_gives_the_same_answer(lake: Many, tables: Path) -> None:
    rewrite(tables / SQL, "COUNT(*)", "2 * COUNT(*)")
    lake.lake.catalog.client.delete_table(DatabaseName="gold_transport", Name="hourly_demand")
    assert cell(lake).state == "outdated"


def test_a_backfill_plans_what_is_outdated(lake: Many, tables: Path) -> None:
    dag = PipelineDag("taxi", "day", (GOLD,), datetime(2019, 1, 1, tzinfo=UTC), paused=False)
    lake.lake.store.put(run_key(load_contract(GOLD).table, DAY, "manual-1.1"), b"{}")
    assert make_plan(lake.lake, dag, [DAY], Doings(), "month").to_run == 0
    rewrite(tables / SQL, "COUNT(*)", "2 * COUNT(*)")
    plan = make_plan(lake.lake, dag, [DAY], Doings(), "month")
    assert (plan.to_run, plan.tables[0].as_dict()["outdated"]) == (1, 1)


def test_a_publication_of_an_older_release_is_not_outdated(lake: Many, tables: Path) -> None:
    gold = load_contract(GOLD)
    inputs = inputs_fingerprint([(SILVER, PARTITION.path, 1)])
    lake.publish(gold, [entry(gold, PARTITION, 2, period=str(DAY), inputs=inputs)])
    rewrite(tables / SQL, "COUNT(*)", "2 * COUNT(*)")
    assert cell(lake).state == "published"
