"""A change of code, from columns to the partitions to build again: only what a changed column reaches is planned."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeworks.changes.column_changes import Reach
from lakeworks.changes.costs import estimate
from lakeworks.changes.plans import TablePlan, change_plan
from lakeworks.changes.revision import project_at
from lakeworks.contract import Contract, load_contract
from lakeworks.core.partition import Partition, Period
from lakeworks.errors import ConfigError, ContractError
from lakeworks.ledger.code_record import CodeRecord
from lakeworks.ledger.run_record import RowBalance, Run, RunRecord
from lakeworks.project import current_project
from lakeworks.transform.fingerprints import code_fingerprint
from lakeworks.transform.sql import load_sql
from tests.support.many_partitions import BEGAN, Many, entry, many

TRIPS, HOURS, ZONES = "silver.transport.trips", "gold.transport.hourly_demand", "gold.transport.zone_daily_summary"
READ = ("bronze.transport.yellow_trips", "reference.transport.zones")
DAYS = [Period.parse(f"2019-02-0{day}") for day in (5, 6)]
SQL = {name: f"{name.replace('.', '/')}/transform.sql" for name in (TRIPS, HOURS, ZONES)}
CONTRACT = f"{TRIPS.replace('.', '/')}/contract.yml"


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the taxi tables, to be edited."""
    own, copy = current_project(), tmp_path / "project/include/lake/tables"
    for name in (TRIPS, HOURS, ZONES, *READ):
        path = load_contract(name).table.path
        shutil.copytree(own.tables / path, copy / path)
    (tmp_path / "project/lake.yml").write_text("")
    rewrite(copy / SQL[ZONES], "SUM(trip_distance_miles)", "SUM(tolls_amount_usd)")  # a column that no rule looks at
    monkeypatch.setenv("LAKE_PROJECT", str(tmp_path / "project"))
    return copy


@pytest.fixture
def lake(tmp_path: Path, tables: Path) -> Iterator[Many]:
    """Two published days of trips and of both tables above it, by recorded code."""
    with many(tmp_path) as found:
        for name in (TRIPS, HOURS, ZONES):
            contract = load_contract(name)
            code = str(code_fingerprint(contract, load_contract))
            document = contract.model_dump(mode="json")
            CodeRecord(table=name, fingerprint=code, sql=load_sql(contract) or "", contract=document).save(
                found.lake.store
            )
            days = [entry(contract, Partition.of_period(day), period=str(day), code=code) for day in DAYS]
            found.publish(contract, days)
        yield found


def rewrite(path: Path, before: str, after: str) -> None:
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))


def planned(lake: Many, *chosen: str) -> dict[str, TablePlan]:
    from lakeworks.contract import contract as module

    module._load.cache_clear()
    contracts: list[Contract] = [load_contract(name) for name in (ZONES, HOURS, TRIPS)]
    return {item.contract.name: item for item in change_plan(lake.lake, contracts, chosen)}


def said(item: TablePlan) -> list[tuple[str, str]]:
    return [(change.kind, change.column) for change in item.changes]


def test_without_a_change_there_is_no_plan(lake: Many, tables: Path) -> None:
    rewrite(tables / SQL[TRIPS], "SELECT", "SELECT -- the same\n ")
    rewrite(tables / CONTRACT, "team: ", "team: other-")
    assert planned(lake) == {}


def test_a_changed_column_reaches_only_those_who_use_it(lake: Many, tables: Path) -> None:
    rewrite(tables / SQL[TRIPS], "trips.tolls_amount", "2 * trips.tolls_amount")
    found = planned(lake)
    assert said(found[TRIPS]) == [("values", "tolls_amount_usd")]
    assert [len(found[name].rebuilt) for name in (TRIPS, ZONES, HOURS)] == [2, 2, 0]
    assert found[ZONES].because == (f"{TRIPS} (tolls_amount_usd)",)
    assert found[ZONES].reach == Reach(frozenset({"avg_distance_miles"}), every=True), (
        "it is required: a null is quarantined"
    )
    assert (found[HOURS].spared_by, found[HOURS].kept) == ((TRIPS,), 2)


def test_a_column_that_a_row_rule_looks_at_decides_which_rows_there_are(lake: Many, tables: Path) -> None:
    """A doubled duration sends other rows to quarantine: tables that do not use the column change as well."""
    rewrite(tables / SQL[TRIPS], "/ 60 AS DECIMAL", "/ 30 AS DECIMAL")
    found = planned(lake)
    assert said(found[TRIPS]) == [("values", "trip_duration_minutes")]
    assert [len(found[name].rebuilt) for name in (TRIPS, ZONES, HOURS)] == [2, 2, 2]


def test_a_changed_filter_reaches_everybody(lake: Many, tables: Path) -> None:
    text = (tables / SQL[HOURS]).read_text()
    (tables / SQL[HOURS]).write_text(text.replace("WHERE ", "WHERE passenger_count > 0 AND "))
    found = planned(lake)
    assert list(found) == [HOURS]
    assert (said(found[HOURS]), found[HOURS].reach.every) == ([("values", "")], True)


def test_only_the_partitions_of_the_changed_code_are_built_again(lake: Many, tables: Path) -> None:
    rewrite(tables / SQL[HOURS], "COUNT(*)", "2 * COUNT(*)")
    contract = load_contract(HOURS)
    code = str(code_fingerprint(contract, load_contract))
    lake.publish(contract, [entry(contract, Partition.of_period(DAYS[0]), 2, period=str(DAYS[0]), code=code)])
    found = planned(lake)[HOURS]
    assert ([str(period) for period in found.periods], found.kept) == (["2019-02-06"], 1)
    assert said(found) == [("values", "trip_count")]


def test_a_new_check_changes_no_value_downstream(lake: Many, tables: Path) -> None:
    rewrite(tables / CONTRACT, "min_value: 1}", "min_value: 2}")
    found = planned(lake)
    assert said(found[TRIPS]) == [("checks", "")]
    assert [len(found[name].rebuilt) for name in (TRIPS, ZONES, HOURS)] == [2, 0, 0]
    assert found[ZONES].spared_by == (TRIPS,)


def test_code_that_was_not_recorded_may_have_made_anything(lake: Many, tables: Path) -> None:
    contract = load_contract(TRIPS)
    lake.publish(contract, [entry(contract, Partition.of_period(DAYS[0]), 2, period=str(DAYS[0]), code="0.0")])
    found = planned(lake)
    assert [change.what for change in found[TRIPS].changes] == ["the code that published it was not recorded"]
    assert [len(found[name].rebuilt) for name in (TRIPS, HOURS, ZONES)] == [1, 1, 1]
    assert found[HOURS].because == (TRIPS,)


def test_chosen_tables_limit_the_plan_to_their_own_code(lake: Many, tables: Path) -> None:
    rewrite(tables / SQL[HOURS], "COUNT(*)", "2 * COUNT(*)")
    assert planned(lake, ZONES) == {}
    assert list(planned(lake, HOURS)) == [HOURS]


def test_recorded_code_of_another_release_is_one_clear_error(lake: Many, tables: Path) -> None:
    contract = load_contract(HOURS)
    CodeRecord(table=HOURS, fingerprint="1.1", contract={"name": HOURS, "unheard": 1}).save(lake.lake.store)
    lake.publish(contract, [entry(contract, Partition.of_period(DAYS[0]), 2, period=str(DAYS[0]), code="1.1")])
    with pytest.raises(
        ContractError, match=r"the code with the fingerprint 1\.1 has a contract that this release does not"
    ):
        planned(lake)


def test_time_is_estimated_from_earlier_runs_by_their_rows(lake: Many, tables: Path) -> None:
    rewrite(tables / SQL[HOURS], "COUNT(*)", "2 * COUNT(*)")
    assert estimate(lake.lake, planned(lake)[HOURS]).seconds is None
    run = Run(id="manual__9", started_at=BEGAN)
    record = RunRecord(
        table=HOURS, period="2019-02-05", run=run, contract_version="1.0.0", schema_fingerprint="f",
        balance=RowBalance(read=10, staged=10), partitions=(), seconds={"write": 2.0, "audit": 1.0, "publish": 1.0},
    )  # fmt: skip
    lake.lake.store.put(record.run_key, record.model_dump_json().encode())
    cost = estimate(lake.lake, planned(lake)[HOURS])
    assert (cost.runs, cost.partitions, cost.rows, cost.seconds) == (2, 2, 20, 8.0)
    assert json.loads(record.model_dump_json())["seconds"]["audit"] == 1.0


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True)


def test_a_branch_is_compared_with_a_revision_of_git(lake: Many, tables: Path) -> None:
    root = current_project().root
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "before")
    rewrite(tables / SQL[HOURS], "COUNT(*)", "2 * COUNT(*)")
    with project_at("main", current_project()) as before:
        found = {item.contract.name: item for item in change_plan(lake.lake, [load_contract(HOURS)], (), before)}
    assert (said(found[HOURS]), len(found[HOURS].rebuilt)) == ([("values", "trip_count")], 2)
    for revision, words in (("nosuch", "cannot be read at `nosuch`"), ("--output=x", "is no revision")):
        with pytest.raises(ConfigError, match=words), project_at(revision, current_project()):
            pass
