"""`lakeworks table test` on every engine at hand: Spark is a judge of its own beside DuckDB.

Run by `make conformance`, which installs Spark and a JDK; skipped where they are not installed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lakeworks.engines.spark import find_spark
from lakeworks.errors import ConfigError
from tests.support.two_table_project import write_project

TABLE, FOLDER = "silver.sales.orders", "silver/sales/orders"


def table_test(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    try:
        find_spark()
    except ConfigError as error:
        pytest.skip(f"{error} `make conformance` installs it.")
    # as the folder is named in the repository, where the tests run
    environment = {**os.environ, "LAKE_SPARK": str(Path(os.environ.get("LAKE_SPARK", "")).absolute())}
    command = [sys.executable, "-m", "lakeworks", "table", "test", *words]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_an_example_runs_on_both_engines_and_a_text_that_spark_reads_otherwise_fails(tmp_path: Path) -> None:
    tables = write_project(tmp_path)
    done = table_test(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "ok    silver.sales.orders: an order (DuckDB 1." in done.stdout
    assert f", Spark {find_spark()})" in done.stdout
    assert done.stderr.splitlines()[0] == "2 examples: 2 hold, 0 fail.", "Spark itself is silent"
    assert f"Run on DuckDB 1.5.5 and Spark {find_spark()}." in done.stderr
    # DuckDB rounds, Spark cuts
    for file, old, new in (
        ("contract.yml", "'decimal(10,2)'", "bigint"),
        ("transform.sql", "DECIMAL(10, 2)", "BIGINT"),
        ("examples.yml", "9.99}\n", "10}\n"),
    ):
        path = tables / FOLDER / file
        head, _, tail = path.read_text().rpartition(old)
        path.write_text(head + new + tail)
    rows = json.loads(table_test(tmp_path, TABLE, "--json").stdout)
    verdicts = {row["engine"].split()[0]: (row["holds"], len(row["differences"])) for row in rows}
    assert verdicts == {"DuckDB": (True, 0), "Spark": (False, 2)}
    failed = table_test(tmp_path, TABLE, "--engine", "spark")
    assert failed.returncode == 1
    assert "DuckDB alone gives {id: 1, placed_at: 2024-01-05 10:00:00, amount: 10}" in failed.stdout
    assert "Spark alone gives {id: 1, placed_at: 2024-01-05 10:00:00, amount: 9}" in failed.stdout


def test_what_spark_refuses_is_one_line(tmp_path: Path) -> None:
    tables = write_project(tmp_path)
    sql = tables / FOLDER / "transform.sql"
    sql.write_text(sql.read_text().replace("CAST(amount AS", "CAST(list_sum([amount]) AS"))
    done = table_test(tmp_path, TABLE)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Spark refuses it: " in done.stdout
