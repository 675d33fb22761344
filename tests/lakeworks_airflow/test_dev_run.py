"""A DAG's run with the parameter `dev` through Airflow: `airflow dags test` runs it over a metadata database.

Airflow itself parses the DAG, takes the parameter from the run, decides which task is next, and skips what works on live only.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lakeworks.contract import all_tables, load_contract
from lakeworks.core.partition import Period
from lakeworks.dev.opening import DevRequest, open_dev_lake
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.pipeline.downstream_rebuild import rebuild
from lakeworks.pipeline.fetch_step import land
from lakeworks.sources import open_source
from tests.support.deployed_airflow import airflow_deployment

BIN, ROOT = Path(sys.executable).parent, Path(__file__).parents[2]
MONTH = Period.parse("2019-01")
ZONES, RECEIVED = "reference.transport.zones", "bronze.transport.yellow_trips"
BUILT = ("silver.transport.trips", "gold.transport.zone_daily_summary", "gold.transport.hourly_demand")


def airflow(environment: dict[str, str], *command: str) -> str:
    """Run a command that must succeed, and return what it logged."""
    done = subprocess.run(
        [str(BIN / "airflow"), *command], env=environment, capture_output=True, text=True, check=False
    )
    said = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, f"{' '.join(command)}\n{said[-6000:]}"
    return said


def outside_dev_lakes(lake: Lake) -> dict[str, str]:
    """Every version in the bucket that is not below `_dev/`."""
    client: Any = lake.store.client
    pages = client.get_paginator("list_object_versions").paginate(Bucket=lake.store.bucket)
    kept = (item for page in pages for item in page.get("Versions", ()) if not item["Key"].startswith("_dev/"))
    return {f"{item['Key']} {item['VersionId']}": item["ETag"] for item in kept}


@pytest.mark.timeout(600)
def test_a_run_with_dev_builds_in_the_dev_lake_and_leaves_live_as_it_is(
    lake: Lake, moto_url: str, replay_url: str, run_at: Callable[..., Run], tmp_path: Path
) -> None:
    source = open_source("nyc_tlc", replay_url)
    for table in (ZONES, RECEIVED):
        land(lake, load_contract(table), MONTH, run_at(1), source)
        rebuild(lake, table, MONTH, run_at(1))
    document = open_dev_lake(lake, [load_contract(name) for name in all_tables()], DevRequest("fix-42"))
    before = outside_dev_lakes(lake)
    environment = airflow_deployment(tmp_path / "airflow", ROOT, lake, moto_url, replay_url)
    environment["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(ROOT / "plugins")
    (tmp_path / "airflow").mkdir()
    airflow(environment, "db", "migrate")
    run = {"from": "2019-01", "to": "2019-01", "dev": document.name}
    airflow(environment, "dags", "test", "taxi", "--conf", json.dumps(run))
    dev = lake.over(document)
    for name in BUILT:
        table = load_contract(name).table
        assert len(dev.ledger.live_partitions(table)) == 31, name
        assert lake.ledger.live_partitions(table) == {}, name
    assert outside_dev_lakes(lake) == before, "not one object of the live lake came, went or changed"
