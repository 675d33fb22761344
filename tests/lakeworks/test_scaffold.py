"""`lakeworks init`: every template is a whole project, and nothing of a person's is written over."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from lakeworks.authoring.example_runner import run_example
from lakeworks.cli import app
from lakeworks.contract import all_tables, load_contract
from lakeworks.core.names import TableName
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.errors import ConfigError
from lakeworks.scaffold.project_template import DOMAINS, TEMPLATES, write_project
from lakeworks.transform.examples import load_examples
from lakeworks.transform.sql import LANDING, load_sql, upstream


@pytest.fixture
def made(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "My Lake_1"
    write_project(root, request.param)
    monkeypatch.setenv("LAKE_PROJECT", str(root))
    return root


@pytest.mark.parametrize("made", TEMPLATES, indirect=True)
def test_a_template_is_whole(made: Path) -> None:
    for name in (
        "README.md",
        "Makefile",
        "lake.yml",
        ".gitignore",
        ".env.example",
        "requirements.txt",
        "tests/test_lake.py",
    ):
        assert "@@" not in (made / name).read_text(), name
    assert yaml.safe_load((made / "lake.yml").read_text()) in (
        {"project": "my-lake-1"},
        {"project": "my-lake-1", "inbox_events": {}},
    )
    known = set(all_tables())
    for table in known:
        sql = load_sql(load_contract(table))
        reads = {str(name) for name in upstream(sql)} - {LANDING} if sql else set()
        assert reads <= known, f"{table} reads what the project does not have"
        TableName.parse(table)
    drops = {table for table in known if str(load_contract(table).source).startswith("file_drop.")}
    drops -= {"bronze.commerce.reconciliations"}  # its DAG loads what it compared, and waits for no file
    listens = made / "dags" / "lake_inbox.py"
    assert listens.is_file() == ("inbox_events" in (made / "lake.yml").read_text()) == bool(drops)
    assert all(f'"{table}": ' in listens.read_text() for table in drops)
    for path in (made / "dags").glob("*.py"):
        compile(path.read_text(), str(path), "exec")


@pytest.mark.parametrize("made", ["csv"], indirect=True)
def test_the_first_pipelines_examples_hold(made: Path, tmp_path: Path) -> None:
    assert all_tables() == ["bronze.shop.sales", "silver.shop.sales", "gold.shop.daily_revenue"]
    for example in load_examples():
        outcome = run_example(example, DuckDbEngine(scratch=tmp_path))
        assert outcome.rows == example.expected
        assert outcome.quarantined == [sorted(names) for names in example.quarantined]


@pytest.mark.parametrize("template", DOMAINS)
def test_a_domains_template_is_that_of_this_repository(template: str, tmp_path: Path) -> None:
    written = write_project(tmp_path / "lake", template)
    tables = {path.parts[4] for path in written if path.name == "contract.yml"}
    assert tables == {DOMAINS[template].tables}


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty. Nothing was written"):
        write_project(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    write_project(tmp_path / "lake")
    with pytest.raises(ConfigError, match="is a project"):
        write_project(tmp_path / "lake")


def test_a_file_and_an_unknown_template_are_refused(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("")
    with pytest.raises(ConfigError, match="is a file"):
        write_project(tmp_path / "lake")
    with pytest.raises(ConfigError, match="no template `taxis`.*csv, taxi, market, commerce, empty"):
        write_project(tmp_path / "other", "taxis")


def test_the_command_says_what_comes_next(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lakeworks", "init", "my-lake"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cd my-lake" in done.stdout
    assert "make up" in done.stdout
    assert "publish the first tables" in done.stdout
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode != 0
    assert "Nothing was written" in again.stderr


def test_an_empty_project_shows_how_its_first_table_is_made(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["init", str(tmp_path / "lake"), "--template", "empty"])
    assert done.exit_code == 0
    assert "start the local stack, without a table yet" in done.output
    assert "lakeworks table new bronze.shop.orders --source file_drop.orders" in done.output


def test_a_python_that_is_too_old_is_one_message(tmp_path: Path) -> None:
    write_project(tmp_path / "lake")
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "test", f"PYTHON={old}"], cwd=tmp_path / "lake", capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert (
        done.stdout.strip()
        == f"Lakeworks needs Python 3.11 to 3.13, and {old} is another: make PYTHON=/path/to/python3.12"
    )
    assert not (tmp_path / "lake/.venv").exists()
