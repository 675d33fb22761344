"""A taxi month on local Spark through Airflow: `airflow dags test` runs the DAG of a new project, over a metadata database.

Airflow itself parses the DAG, decides which task is next, and runs each in a process of its own. Run by `make conformance`.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lakeworks.contract import load_contract
from lakeworks.engines.remote.local_spark import spark_environment
from lakeworks.errors import ConfigError
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import load_run_record
from lakeworks_local.stack.environment import base_environment
from tests.support.deployed_airflow import airflow_deployment

BIN = Path(sys.executable).parent
ON_SPARK = ("silver.transport.trips", "gold.transport.zone_daily_summary", "gold.transport.hourly_demand")


def airflow_environment(root: Path, lake: Lake, aws: str, replay: str) -> dict[str, str]:
    """A deployment's variables: Airflow's home is in the project, and Spark runs on the worker."""
    try:
        spark = spark_environment()
    except ConfigError as error:
        pytest.skip(f"{error} `make conformance` installs it.")
    return {
        **airflow_deployment(root / "airflow", root, lake, aws, replay),
        **{name: spark[name] for name in ("LAKE_SPARK", "JAVA_HOME", "SPARK_LOCAL_IP") if name in spark},
        "LAKE_SPARK_BACKEND": "local",
    }


def run(environment: dict[str, str], *command: str) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"


@pytest.mark.timeout(1800)
def test_a_taxi_month_through_airflow(lake: Lake, moto_url: str, replay_url: str, tmp_path: Path) -> None:
    root = tmp_path / "project"
    environment = airflow_environment(root, lake, moto_url, replay_url)
    run(base_environment(), "lakeworks", "init", "--template", "taxi", str(root))
    for name in ON_SPARK:
        contract = root / "include" / "lake" / "tables" / Path(*name.split(".")) / "contract.yml"
        contract.write_text(f"engine: spark\n{contract.read_text()}")
    (root / "airflow").mkdir()
    run(environment, "airflow", "db", "migrate")
    run(environment, "airflow", "dags", "test", "taxi", "--conf", json.dumps({"from": "2019-01", "to": "2019-01"}))
    for name in ON_SPARK:
        live = lake.ledger.live_partitions(load_contract(name).table)
        assert len(live) == 31, name
        assert all("spark 3" in load_run_record(lake.store, entry.run_record).engine for entry in live.values()), name
    trips = lake.ledger.live_partitions(load_contract(ON_SPARK[0]).table)
    assert sum(item.rows for entry in trips.values() for item in entry.objects) == 9_982, "18 are in quarantine"
    assert [item.key for item in lake.store.scan("_staging/") if "built" in item.key] == []
