"""Stocktaking in Airflow."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from lakeworks.errors import NotPublishedYet
from lakeworks.lake import Lake
from lakeworks.settings import current_settings
from lakeworks_airflow import StorageCostOperator

TABLE = "gold.lake.storage_costs"


@pytest.fixture
def deployed(lake: Lake, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    extra = {"endpoint_url": moto_url, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "test", "password": "testtest", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("LAKE_BUCKET", lake.store.bucket)
    monkeypatch.setenv("LAKE_SCRATCH_DIR", str(lake.scratch))
    current_settings.cache_clear()
    yield lake
    current_settings.cache_clear()


def run(key: str, **arguments: Any) -> Any:
    with DAG("test", schedule=None):
        task = StorageCostOperator(task_id="take_stock", table=TABLE, grain="month", **arguments)
    dag_run = SimpleNamespace(
        run_id="manual__1", partition_key=key, data_interval_start=None, data_interval_end=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return task.execute({"dag_run": dag_run, "params": {}, "ti": SimpleNamespace(try_number=1)})  # type: ignore[arg-type,typeddict-item]


def test_a_month_lands_from_an_inventory(deployed: Lake) -> None:
    deployed.store.put("inv/1", gzip.compress(b'"silver/a/b/x","5","2020-01-01T00:00:00.000Z","STANDARD"\n'))
    manifest = {
        "fileFormat": "CSV",
        "fileSchema": "Key, Size, LastModifiedDate, StorageClass",
        "files": [{"key": "inv/1"}],
    }
    deployed.store.put("inv/manifest.json", json.dumps(manifest).encode())
    (key,) = run("2020-02", inventory=deployed.store.uri("inv/manifest.json"))
    assert key.startswith("landing/lake/lake/storage_costs/year=2020/month=02/")
    assert key.endswith(".parquet")


def test_a_month_long_over_fails_for_good_and_one_to_come_is_tried_again(deployed: Lake) -> None:
    with pytest.raises(AirflowFailException, match="Name an S3 Inventory"):
        run("2020-02", inventory="", logs="")
    with pytest.raises(NotPublishedYet, match="is not over"):
        run("2099-01")


def test_a_fetch_of_the_lakes_own_figures_says_what_takes_them(deployed: Lake) -> None:
    from lakeworks.errors import ContractError
    from lakeworks.sources import open_source

    with pytest.raises(ContractError, match="StorageCostOperator"):
        open_source("lake")
