"""A small lake with what a page must survive: rows set apart, a day that is missing, and texts that try to become markup."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lakeworks.catalog.glue import GlueCatalog
from lakeworks.contract import load_contract
from lakeworks.core.file_selection import select
from lakeworks.core.partition import Period
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.loading.period_load import check_files, load_files
from lakeworks.pipeline.downstream_rebuild import rebuild
from lakeworks.settings import current_settings
from lakeworks.site.day_pages import store_day_pages
from lakeworks_airflow.lake_page.application import page_of
from lakeworks_airflow.lake_page.overview import Ask
from lakeworks_airflow.lake_page.person import Person
from lakeworks_airflow.lake_page.readings import Readings
from tests.conftest import client, new_store

MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
SOURCE = """\
version: 1.0.0
description: "Orders <b>as received</b>.\\"><script>alert(2)</script>"
team: sales
source: file_drop.orders
grain: []
partition_by: [day]
schema_policy: widen
columns:
  id: {type: bigint, required: true, description: "Key <i>of</i> it."}
  shop: {type: string, description: Where.}
  email: {type: string, description: Whose., pii: true, classification: confidential}
"""
CONTRACT = """\
version: 1.0.0
description: One row per order.
team: sales
grain: [id]
partition_by: [day]
freshness: {max_age_hours: 48}
quarantine: {limit: 1}
columns:
  id: {type: bigint, required: true, minimum: 1, description: Key.}
  shop: {type: string, description: Where.}
  email: {type: string, description: Whose., pii: true, classification: confidential}
rows:
  - {name: small, sql: id < 100, reason: "Too <u>large</u>."}
"""
SQL = """\
SELECT CAST(id AS BIGINT) AS id, CAST(shop AS VARCHAR) AS shop, CAST(email AS VARCHAR) AS email
FROM bronze_sales.orders -- </code><script>alert(3)</script>
"""


@dataclass
class Shown:
    """The page over a lake, as a person who is logged in sees it."""

    lake: Lake
    client: TestClient

    def text(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text


def opened(
    lake: Lake, guard: Callable[..., Person | None] = lambda: None, ask: Ask = lambda _: ((), ""), **more: Any
) -> TestClient:
    """The application where Airflow mounts it."""
    app = FastAPI()
    app.mount("/lake", page_of(lambda: lake, guard, ask, Readings(patience=60), **more))
    return TestClient(app, base_url="http://lake.test", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def orders(moto_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """Two days of orders, received and typed; a row of the first broke a rule."""
    folder = tmp_path_factory.mktemp("orders")
    lake = Lake(new_store(moto_url), GlueCatalog(client("glue", moto_url)), DuckDbEngine(scratch=folder), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKE_PROJECT", str(write_project(folder / "project")))
        patch.setenv("LAKE_BUCKET", lake.store.bucket)
        patch.setenv("LAKE_REGION", "us-east-1")
        current_settings.cache_clear()
        load_orders(lake, folder)
        yield Shown(lake, opened(lake))
    current_settings.cache_clear()


def write_project(root: Path) -> Path:
    """Write a project of two tables."""
    for layer, files in {
        "bronze": {"contract.yml": SOURCE},
        "silver": {"contract.yml": CONTRACT, "transform.sql": SQL},
    }.items():
        folder = root / "include/lake/tables" / layer / "sales/orders"
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text)
    (root / "lake.yml").write_text("")
    return root


def load_orders(lake: Lake, folder: Path) -> None:
    """Load the days' files, and build the typed table from each."""
    contract = load_contract("bronze.sales.orders")
    for number, day in enumerate(("2026-01-05", "2026-01-07")):
        file = folder / f"{day}.csv"
        with file.open("w", newline="") as lines:
            csv.writer(lines).writerows(
                [("id", "shop", "email"), (1, MARKUP, "a@b.c"), *[(-7, MARKUP, "x@secret.example")] * (number == 0)]
            )
        load_files(lake, contract, Period.parse(day), check_files(contract, select([file])))
        run = Run(id=f"manual__{number}", started_at=datetime.now(UTC))
        rebuild(lake, "silver.sales.orders", Period.parse(day), run)
    days = [Period.parse(f"2026-01-0{number}") for number in (5, 6, 7)]
    store_day_pages(lake, "sales", days, datetime.now(UTC))
