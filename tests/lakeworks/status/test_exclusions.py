"""Ranges that a person excluded from plans: kept with a reason, shown as excluded, built by no backfill until lifted."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lakeworks.backfill.dag import PipelineDag
from lakeworks.backfill.plan import Doings, Plan, make_plan
from lakeworks.contract import load_contract
from lakeworks.core.partition import Partition
from lakeworks.errors import ConfigError, LakeNotFound, PartitionKeyError
from lakeworks.status.exclusions import Exclusion, ExclusionRegister, parse_exclusion, parse_range
from lakeworks.status.partition_index import PartitionIndex
from lakeworks.status.table_status import status
from tests.lakeworks.status.test_outdated import DAY, GOLD, PARTITION, SILVER, SQL, cell, lake, rewrite, tables
from tests.support.many_partitions import Many

__all__ = ["lake", "tables"]


def exclude(lake: Many, span: str, table: str = GOLD, reason: str = "books are closed") -> Exclusion:
    made = Exclusion.of(table, span, reason, "olga", datetime(2026, 11, 30, tzinfo=UTC))
    ExclusionRegister(lake.lake.store).add(made)
    return made


def backfill(lake: Many, *, again: bool = False, tables: tuple[str, ...] = (SILVER, GOLD)) -> Plan:
    dag = PipelineDag("taxi", "day", tables, datetime(2019, 1, 1, tzinfo=UTC), paused=False)
    return make_plan(lake.lake, dag, [DAY], Doings(), "month", again=again)


def standing(plan: Plan, table: str) -> str:
    (found,) = (item for item in plan.tables if item.table == table)
    return found.by_period[DAY]


def test_an_outdated_day_that_is_excluded_is_not_stale_until_it_is_lifted(lake: Many, tables: Path) -> None:
    exclude(lake, "2019-01..2019-03")
    assert cell(lake).state == "published", "nothing has to be built again, so nothing is excluded"
    rewrite(tables / SQL, "COUNT(*)", "2 * COUNT(*)")
    assert (cell(lake).state, cell(lake).why) == ("excluded", "books are closed (excluded by olga on 2026-11-30)")
    ExclusionRegister(lake.lake.store).lift(GOLD, "2019-01..2019-03")
    assert cell(lake).state == "outdated"


@pytest.mark.parametrize(
    ("span", "state"),
    [
        ("2019-02-05", "excluded"),
        ("2019-02", "excluded"),
        ("all", "excluded"),
        ("2019-02-06", "outdated"),
        ("2019-01", "outdated"),
    ],
)
def test_a_range_covers_what_lies_in_it(lake: Many, tables: Path, span: str, state: str) -> None:
    rewrite(tables / SQL, "COUNT(*)", "2 * COUNT(*)")
    exclude(lake, span)
    assert cell(lake).state == state


def test_a_day_of_a_run_over_a_month_takes_the_month_with_it(lake: Many, tables: Path) -> None:
    """The run builds the month as one, so none of its days can be built again without the others."""
    exclusion = exclude(lake, "2019-02-20")
    assert exclusion.holds(PARTITION, "2019-02")
    assert not exclusion.holds(PARTITION, "2019-02-05")
    assert not exclusion.holds(Partition(), "")


def test_a_missing_day_can_be_excluded(lake: Many) -> None:
    lake.lake.store.delete([item.key for item in lake.lake.store.scan(f"_ledger/{load_contract(GOLD).table.path}/")])
    lake.lake.catalog.client.delete_table(DatabaseName="gold_transport", Name="hourly_demand")

    def state() -> str:
        ((found,),) = (matrix.cells for matrix in status(lake.lake, [load_contract(GOLD)]))
        return found.state

    assert state() == "missing"
    exclude(lake, "2019-02")
    assert state() == "excluded"


def test_no_backfill_runs_an_excluded_day_and_a_run_for_others_leaves_its_table_alone(lake: Many, tables: Path) -> None:
    rewrite(tables / SQL, "COUNT(*)", "2 * COUNT(*)")
    assert (backfill(lake, tables=(GOLD,)).to_run, backfill(lake, tables=(GOLD,), again=True).to_run) == (1, 1)
    made = exclude(lake, "2019-02")
    plan = backfill(lake, tables=(GOLD,))
    assert (plan.to_run, standing(plan, GOLD), plan.tables[0].as_dict()["excluded"]) == (0, "excluded", 1)
    assert backfill(lake, tables=(GOLD,), again=True).to_run == 0, "not even again"
    assert plan.as_dict()["excluded"] == [made.as_dict()]
    whole = Path(__file__).parents[3] / "include/lake/tables"
    for name in ("bronze/transport/yellow_trips", "reference/transport/zones"):  # the tables that silver reads
        shutil.copytree(whole / name, tables / name)
    both = backfill(lake)  # silver has no record of a run: it is to be built
    assert (both.to_run, standing(both, GOLD)) == (1, "excluded")
    assert both.conf_of(both.runs[0][0]) == {"leave": [GOLD]}


def test_a_range_is_excluded_once_and_lifted_by_the_words_that_excluded_it(lake: Many) -> None:
    register = ExclusionRegister(lake.lake.store)
    exclude(lake, "2019-01..2019-03")
    with pytest.raises(ConfigError, match=r"2019-01\.\.2019-03 is excluded already. Nothing was changed"):
        exclude(lake, "2019-01..2019-03", reason="another reason")
    (kept,) = register.all()
    assert kept.reason == "books are closed"
    with pytest.raises(LakeNotFound, match=rf"2019-01 is not excluded.*Excluded ranges: {GOLD}:2019-01\.\.2019-03"):
        register.lift(GOLD, "2019-01")
    assert register.lift(GOLD, "2019-01..2019-03").reason == "books are closed"
    assert list(register.all()) == []
    assert PartitionIndex(lake.lake).exclusions(load_contract(GOLD)) == []


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("2019-03..2019-01", PartitionKeyError, "runs backwards"),
        ("2019-13", PartitionKeyError, "is not a partition key"),
        ("March", PartitionKeyError, "is not a partition key"),
    ],
)
def test_a_range_that_is_none_is_refused(text: str, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        parse_range(text)


def test_a_text_without_a_range_says_what_to_type() -> None:
    assert parse_exclusion(f"{GOLD}:2019-01..2019-03") == (GOLD, "2019-01..2019-03")
    assert (parse_range("2019-01"), parse_range("all")) == (("2019-01", "2019-01"), ("", ""))
    for text in (GOLD, f"{GOLD}:", ":2019-01"):
        with pytest.raises(ConfigError, match="names no range. Nothing was changed. Type <table>:<range>"):
            parse_exclusion(text)
