"""A project is the folder of the nearest `lake.yml`; its tables, functions and sources are its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from lakeworks.contract import all_tables, load_contract
from lakeworks.errors import ConfigError, ContractError
from lakeworks.project import current_project
from lakeworks.sources import known_sources, open_source

CONTRACT = """
version: 1.0.0
description: Colours.
team: paint
source: paint.colours
grain: [name]
columns:
  name: {type: string, required: true, description: The colour's name.}
"""


@pytest.fixture
def paint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one table and one source, and a working folder two below it."""
    root = tmp_path / "paint"
    table = root / "include/lake/tables/bronze/art/colours"
    table.mkdir(parents=True)
    (table / "contract.yml").write_text(CONTRACT)
    (root / "include/lake/sources").mkdir()
    (root / "include/lake/sources/paint.py").write_text("def connect(access):\n    return access.base_url\n")
    (root / "lake.yml").write_text("")
    (root / "dags/deep").mkdir(parents=True)
    for name in ("LAKE_PROJECT", "AIRFLOW__CORE__DAGS_FOLDER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(root / "dags/deep")
    return root


def test_the_nearest_file_upwards_is_the_project(paint: Path) -> None:
    assert current_project().root == paint
    assert all_tables() == ["bronze.art.colours"]
    assert load_contract("bronze.art.colours").folder == paint / "include/lake/tables/bronze/art/colours"


def test_one_setting_names_another_project(paint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "lake.yml").write_text("")
    monkeypatch.setenv("LAKE_PROJECT", str(other))
    assert (current_project().root, all_tables()) == (other, [])
    monkeypatch.setenv("LAKE_PROJECT", str(paint))
    assert all_tables() == ["bronze.art.colours"]


def test_airflow_finds_it_above_its_dags(paint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nowhere").mkdir()
    monkeypatch.chdir(tmp_path / "nowhere")
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(paint / "dags"))
    assert current_project().root == paint


@pytest.mark.parametrize("named", [True, False])
def test_without_a_project_the_message_says_what_to_do(
    named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW__CORE__DAGS_FOLDER", raising=False)
    monkeypatch.delenv("LAKE_PROJECT", raising=False)
    monkeypatch.chdir(tmp_path)
    if named:
        monkeypatch.setenv("LAKE_PROJECT", str(tmp_path))
    with pytest.raises(ConfigError, match=r"`lake\.yml`.*Nothing was run.*lakeworks init"):
        current_project()


def test_a_source_is_a_file_of_the_project(paint: Path) -> None:
    assert known_sources()["paint"].origin == "`include/lake/sources/paint.py`"
    code = "from lakeworks.sources import open_source; print(open_source('paint', 'https://paint.example'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "https://paint.example", done.stderr


def test_an_unknown_source_is_named_with_the_likely_one(paint: Path) -> None:
    with pytest.raises(ContractError, match="no source `pain`. Did you mean `paint`"):
        open_source("pain")


def test_two_sources_of_one_name_are_refused(paint: Path) -> None:
    (paint / "include/lake/sources/yahoo.py").write_text("")
    with pytest.raises(
        ContractError, match=r"Two sources have the name `yahoo`: lakeworks\.sources\.vendors\.yahoo and"
    ):
        known_sources()


def test_two_projects_on_one_path_are_refused(paint: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import lake\n"
        "from lakeworks.project import current_project; current_project().load_module('sources.paint')"
    )
    elsewhere = paint.parent / "elsewhere"
    (elsewhere / "lake").mkdir(parents=True)
    (elsewhere / "lake/__init__.py").write_text("")
    done = subprocess.run([sys.executable, "-c", code, str(elsewhere)], capture_output=True, text=True, check=False)
    assert "another project" in done.stderr, done.stderr
