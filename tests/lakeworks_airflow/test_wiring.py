"""DAG wiring as `lakeworks table check` sees it: the shipped files are right; each mistake is named with the line to write."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lakeworks.authoring.dag_wiring import read_wiring, wiring_problems
from lakeworks.contract import all_tables, load_contract

DAGS = Path(__file__).resolve().parents[2] / "dags"
DAILY, DEMAND = "gold.transport.zone_daily_summary", "gold.transport.hourly_demand"


def problems(folder: Path) -> list[str]:
    contracts = {name: load_contract(name) for name in all_tables()}
    shipped = (DAGS / "taxi.py").read_text()
    tables = [name for name in contracts if f'"{name}"' in shipped]
    return [str(problem) for problem in wiring_problems(read_wiring(folder), contracts, tables)]


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., list[str]]:
    """Problems of the taxi DAG after a text in it was replaced."""

    def change(old: str, new: str) -> list[str]:
        text = (DAGS / "taxi.py").read_text()
        assert old in text
        (tmp_path / "taxi.py").write_text(text.replace(old, new))
        return problems(tmp_path)

    return change


def test_the_shipped_dags_are_right(tmp_path: Path) -> None:
    shutil.copy(DAGS / "taxi.py", tmp_path)
    assert problems(tmp_path) == []


def test_mistakes_are_named_with_the_line_to_write(changed: Callable[..., list[str]]) -> None:
    assert changed(f'hourly = write_audit_publish("{DEMAND}")', "hourly = daily") == [
        f'`dags/taxi.py`: `{DEMAND}`: no DAG builds this table. Add one line: `write_audit_publish("{DEMAND}")`, after what it reads.'
    ]
    assert changed(">> trips >> [daily, hourly]", ">> trips >> daily") == [
        f"`dags/taxi.py`: `{DEMAND}`: it reads `silver.transport.trips` and does not wait for it. Write `>>` between the two."
    ]


def test_an_unknown_table_a_table_without_fetch_and_a_file_that_does_not_import_are_named(
    changed: Callable[..., list[str]],
) -> None:
    (unknown, missing) = changed(f'"{DEMAND}"', '"gold.transport.hourly_demands"')
    assert "`gold.transport.hourly_demands`: there is no such table. Did you mean" in unknown
    assert "no DAG builds this table" in missing
    (unfetched,) = changed('ingest("reference.transport.zones")', 'write_audit_publish("reference.transport.zones")')
    assert 'no DAG fetches it: `ingest("reference.transport.zones")`' in unfetched
    assert "`dags/taxi.py`: does not import: " in changed("import pendulum", "import pendulums")[0]


def test_a_dropped_table_that_no_arrival_starts_is_named(tmp_path: Path) -> None:
    name = "bronze.commerce.events"
    contracts = {found: load_contract(found) for found in all_tables()}
    for file in ("commerce_events.py", "lake_inbox.py"):
        shutil.copy(DAGS / file, tmp_path)
    assert list(wiring_problems(read_wiring(tmp_path), contracts, [name])) == []
    text = (DAGS / "lake_inbox.py").read_text()
    (tmp_path / "lake_inbox.py").write_text(
        text.replace(f'"{name}": "commerce_events"', '"bronze.commerce.orders": "commerce"')
    )
    (problem,) = wiring_problems(read_wiring(tmp_path), contracts, [name])
    assert str(problem) == (
        f'`dags/lake_inbox.py`: `{name}`: a dropped file does not start its DAG. Add it to `DAGS`: `"{name}": "commerce_events"`.'
    )


def test_a_table_whose_contract_is_wrong_is_not_called_missing(tmp_path: Path) -> None:
    shutil.copy(DAGS / "taxi.py", tmp_path)
    contracts = {name: load_contract(name) for name in all_tables() if name != DEMAND}
    wiring = read_wiring(tmp_path)
    (problem,) = wiring_problems(wiring, contracts, [])
    assert "`gold.transport.hourly_demand`: there is no such table" in str(problem)
    assert list(wiring_problems(wiring, contracts, [], unreadable={DEMAND})) == []
