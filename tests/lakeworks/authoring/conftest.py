"""A project of two tables: what comes in, and what is made of it."""

from pathlib import Path

import pytest

from tests.support.two_table_project import write_project


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the project's tables; the project is the working folder."""
    tables = write_project(tmp_path)
    for name in ("LAKE_PROJECT", "AIRFLOW__CORE__DAGS_FOLDER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tables
