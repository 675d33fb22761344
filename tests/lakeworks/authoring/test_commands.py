"""`lakeworks table …` as it is typed: exit codes, JSON, and another look at every change."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from tests.lakeworks_local.test_process import hears_ctrl_c

pytestmark = pytest.mark.integration  # processes of its own
LAKEWORKS = [sys.executable, "-m", "lakeworks"]
SQL = "silver/sales/orders/transform.sql"


def lakeworks(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LAKEWORKS, *words], capture_output=True, text=True, check=False)


def test_check_and_test_end_with_1_where_something_is_wrong(shop: Path) -> None:
    for words in (("table", "check", "--json"), ("table", "test", "--json")):
        done = lakeworks(*words)
        assert done.returncode == 0, done.stderr
    (shop / SQL).write_text((shop / SQL).read_text().replace("CAST(amount AS", "CAST(amount + 1 AS"))
    tested = lakeworks("table", "test", "silver.sales.orders")
    engine = f"DuckDB {duckdb.__version__}"
    assert (tested.returncode, tested.stderr.splitlines()[:2]) == (
        1,
        ["1 example: 0 hold, 1 fail.", f"Run on {engine}."],
    )
    assert (
        f"FAIL  silver.sales.orders: an order ({engine})\n      {engine}: row 1: `amount` is 10.99, expected 9.99"
        in tested.stdout
    )
    (shop / SQL).write_text("SELECT 1")
    checked = lakeworks("table", "check", "--json")
    assert checked.returncode == 1
    assert f"include/lake/tables/{SQL}" in {problem["file"] for problem in json.loads(checked.stdout)}
    # in a process of its own: one process imports the `lake` package of one project
    (shop / SQL).with_name("transform.py").write_text("def transform(rows): return rows\n")
    assert "needs `GROUP_BY` and `transform`" in lakeworks("table", "check", "silver.sales.orders").stdout
    unknown = lakeworks("table", "check", "silver.sales.ordres")
    assert unknown.returncode != 0
    assert "Did you mean `silver.sales.orders`?" in unknown.stderr
    assert "Traceback" not in unknown.stderr


def test_an_engine_that_is_not_at_hand_is_named_with_how_to_get_it(shop: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [*LAKEWORKS, "table", "test", "silver.sales.orders"],
        env={**os.environ, "LAKE_SPARK": str(tmp_path / "nowhere")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, "what is not at hand is no failure"
    assert f"Not at hand: LAKE_SPARK is `{tmp_path / 'nowhere'}`, which contains no `pyspark`." in done.stderr
    unknown = lakeworks("table", "test", "--engine", "sparc")
    assert unknown.returncode == 1
    assert "There is no engine `sparc` for examples. Known: duckdb, spark. Nothing was run." in unknown.stderr


def test_one_wrong_contract_hides_no_other_table(shop: Path) -> None:
    (shop / "silver/sales/orders/contract.yml").write_text("version: 1\n")
    listed = lakeworks("tables")
    assert "bronze.sales.orders" in listed.stdout
    assert "`include/lake/tables/silver/sales/orders/contract.yml`: `version`" in listed.stderr
    assert listed.returncode == 1


def test_watch_looks_again_when_a_file_changes(shop: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as out:
        watching = subprocess.Popen(
            [*LAKEWORKS, "table", "test", "silver.sales.orders", "--watch"],
            stdout=out, stderr=out, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            preexec_fn=hears_ctrl_c,
        )  # fmt: skip
        try:
            wait_for(log, "1 hold, 0 fail")
            (shop / SQL).write_text((shop / SQL).read_text().replace("CAST(amount AS", "CAST(amount + 1 AS"))
            wait_for(log, "transform.sql changed")
            wait_for(log, "0 hold, 1 fail")
        finally:
            watching.send_signal(signal.SIGINT)
            assert watching.wait(30) == 0


def wait_for(log: Path, text: str, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while text not in log.read_text():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.1)
