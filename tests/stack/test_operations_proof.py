"""Whatever happens to runs and schedulers, the same partitions end with the same bytes. Uses taxi's months of test_end_to_end."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import boto3
import psutil
import pytest
import requests

from lakeworks.core.placement_stamp import content_hash
from lakeworks_local.stack.api import FINISHED
from lakeworks_local.stack.environment import BUCKET
from tests.stack.product import BIN, Product

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
GOLD = ("gold.transport.zone_daily_summary", "gold.transport.hourly_demand")
TABLES = ("bronze.transport.yellow_trips", "silver.transport.trips", *GOLD)


def s3(product: Product) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(
        "s3", endpoint_url=product.stack.environment["AWS_ENDPOINT_URL"], region_name="us-east-1", **keys
    )


def objects(product: Product, table: str) -> dict[str, str]:
    """List the live objects of a table: key to ETag, which is another after every placement, even of the same content."""
    pages = s3(product).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{table.replace('.', '/')}/")
    return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}


def content(product: Product) -> dict[str, dict[str, str]]:
    """List the live object of every partition, as the bucket has it."""
    return {table: objects(product, table) for table in TABLES}


def content_hashes(product: Product) -> dict[str, dict[str, str]]:
    """Hash what the live gold objects hold: all bytes but the stamp by which placements differ (ADR 16)."""
    client = s3(product)
    return {
        table: {
            key: content_hash(client.get_object(Bucket=BUCKET, Key=key)["Body"].read())
            for key in objects(product, table)
        }
        for table in GOLD
    }


def in_order(product: Product) -> None:
    """Ledger, objects and catalog agree, nothing is left half done, every row is accounted for."""
    for table in TABLES:
        assert product.lakeworks("verify", table) == []
    for row in product.lakeworks("ledger"):
        if row["table"] in TABLES:
            assert row["rows_in"] == row["published"] + row["quarantined"] + row["deduplicated"], row


def backfill(product: Product, *arguments: str, code: int = 0) -> set[str]:
    """Airflow's own command over the three months; returns the runs it made."""
    known = {run["dag_run_id"] for run in product.api.runs("taxi")}
    command = [
        str(BIN / "airflow"),
        "backfill",
        "create",
        "--dag-id",
        "taxi",
        "--from-date",
        "2019-01-01",
        "--to-date",
        "2019-03-31",
    ]
    if not code:
        _former_is_over(product)
    done = subprocess.run(
        [*command, *arguments], env=product.stack.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        new = {run["dag_run_id"] for run in product.api.runs("taxi")} - known
        if len(new) == 3 or code:
            return new
        time.sleep(0.3)
    raise AssertionError("the backfill did not make three runs")


def _former_is_over(product: Product) -> None:
    """Wait until the backfill before is closed: the scheduler looks every 30 seconds."""
    deadline = time.monotonic() + 90
    while any(item["completed_at"] is None for item in product.api.call("GET", "backfills?dag_id=taxi")["backfills"]):
        assert time.monotonic() < deadline
        time.sleep(0.5)


def all_succeed(product: Product, runs: set[str], seconds: float = 300) -> None:
    for run_id in runs:
        assert product.wait("taxi", run_id, seconds) == "success", product.api.failure("taxi", run_id)


def test_a_backfill_backwards_survives_a_killed_scheduler(product: Product) -> None:
    before = content(product)
    runs = backfill(product, "--run-backwards", "--reprocess-behavior", "completed", "--max-active-runs", "3")
    started = {run_id for run_id in runs if product.api.run("taxi", run_id)["partition_key"] == "2019-03"}
    deadline = time.monotonic() + 60
    while not any(task["state"] == "running" for run_id in started for task in product.api.tasks("taxi", run_id)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    product.stack.kill_airflow("scheduler")
    time.sleep(2)
    product.stack.restart_airflow("scheduler")
    all_succeed(product, runs)
    assert content(product) == before
    in_order(product)


def test_an_orphan_that_finishes_late_is_fenced_off(product: Product) -> None:
    """A task's processes are stopped; the vendor restates the month and a newer run publishes it; then they go on."""
    first, hashes, publish = content(product), content_hashes(product), "bronze_yellow_trips.publish"
    run_id = product.api.trigger("taxi", partition_key="2019-02")
    supervisor, orphan = _stopped(product, run_id, publish)
    try:
        with restated(product, "2019-02"):
            product.succeeds("taxi", partition_key="2019-02")
        restated_content = content(product)
        assert restated_content != first
        assert content_hashes(product) != hashes
        product.until("taxi", run_id, publish, "up_for_retry")
    finally:
        for process in (*orphan, supervisor):
            process.resume()
    psutil.wait_procs(orphan, timeout=60)
    assert not any(process.is_running() for process in orphan)
    assert content(product) == restated_content
    product.clear("taxi", run_id, publish)  # its next try, without the wait before it
    assert product.wait("taxi", run_id) == "failed"
    assert "is of a newer run" in product.api.failure("taxi", run_id)
    assert content(product) == restated_content
    in_order(product)
    product.succeeds("taxi", partition_key="2019-02")  # the vendor takes it back
    assert content_hashes(product) == hashes, "gold has no time of fetch: the same content"


@contextmanager
def restated(product: Product, month: str) -> Iterator[None]:
    """The TLC serves a month with another fare."""
    assert product.stack.addresses is not None
    address = f"{product.stack.addresses.replay}/_control/faults"
    fault = {"match": f"*{month}*", "kind": "republished", "times": 1000}
    requests.post(address, json=fault, timeout=5).raise_for_status()
    try:
        yield
    finally:
        requests.delete(address, timeout=5).raise_for_status()


def _stopped(product: Product, run_id: str, task_id: str) -> tuple[psutil.Process, list[psutil.Process]]:
    """Wait for a task and stop it and its supervisor (the executor's worker), so that it neither works nor beats."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        task = product.task("taxi", run_id, task_id)
        if task["state"] == "running" and task["pid"]:
            work = psutil.Process(task["pid"])
            supervisor = work.parent()
            assert supervisor is not None
            family = [work, *work.children(recursive=True)]
            for process in (supervisor, *family):
                process.suspend()
            return supervisor, family
        assert task["state"] not in FINISHED, "it was over before it could be stopped"
        time.sleep(0.02)
    raise AssertionError(f"{task_id} did not begin")


def test_a_used_up_quota_waits_for_its_month_and_then_goes_on(product: Product) -> None:
    """The budget document says that all of CoinGecko's requests of the month were made, anyone who made them."""
    now = time.gmtime()
    spent = {
        "number": 1,
        "day": time.strftime("%Y-%m-%d", now),
        "of_day": 9,
        "month": time.strftime("%Y-%m", now),
        "of_month": 10_000,
    }
    unused = {"next_slot": 0.0, "closed_until": 0.0, "reason": "", "failures": 0}
    s3(product).put_object(Bucket=BUCKET, Key="_quota/coingecko.json", Body=json.dumps({**spent, **unused}).encode())
    begun = product.lakeworks("backfill", "start", "market_crypto", "--from", "2013-02-20", "--to", "2013-02-21")
    (run_id,) = [
        run["dag_run_id"] for run in product.api.runs("market_crypto") if run["dag_run_id"].endswith("2013-02-20")
    ]
    task = product.until("market_crypto", run_id, "bronze_crypto_bars.fetch", "deferred")
    assert "10000 requests of" in product.api.log("market_crypto", run_id, task)
    product.lakeworks("budget", "--reset", "coingecko")
    product.clear("market_crypto", run_id, "bronze_crypto_bars.fetch")
    assert product.wait("market_crypto", run_id) == "success", product.api.failure("market_crypto", run_id)
    days = {row["partition"][:10] for row in product.lakeworks("ledger", "bronze.market.crypto_bars")}
    assert {"2013-02-20", "2013-02-21"} <= days
    assert product.lakeworks("backfill", "list", "market_crypto")[0]["done"] == begun["periods"] == 2


@contextmanager
def listening(url: str) -> Iterator[list[dict[str, Any]]]:
    """What is posted to the address."""
    told: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", int(urlsplit(url).port or 0)), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()


def test_late_tables_are_alerted_once(product: Product) -> None:
    with listening(product.stack.environment["LAKE_ALERT_URL"]) as told:
        product.succeeds("lake_freshness")
        first = {alert["table"]: alert for alert in told}
        product.succeeds("lake_freshness")
        assert len(told) == len(first), "nothing is told twice"
    newest = max(row["partition"] for row in product.lakeworks("ledger", "silver.transport.trips"))
    assert first["silver.transport.trips"]["newest"] == newest
    assert " and " in first["silver.transport.trips"]["overdue"]
    assert "silver.transport.trips is late" in first["silver.transport.trips"]["text"]


def test_two_backfills_over_the_same_months_at_once(product: Product) -> None:
    """Last: the scheduler has closed the backfill of the first test by now."""
    before = content(product)
    runs = backfill(product, "--reprocess-behavior", "completed", "--max-active-runs", "2")
    beside = product.api.trigger("taxi", conf={"from": "2019-01", "to": "2019-03"})
    backfill(product, "--reprocess-behavior", "completed", code=1)  # Airflow refuses a second one of its own
    all_succeed(product, runs | {beside})
    assert content(product) == before
    in_order(product)
