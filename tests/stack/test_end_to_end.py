"""The product on the real stack: Airflow's scheduler, REST API and backfill command, S3, Glue and HTTP as processes."""

import subprocess
import time
from typing import Any

import boto3
import pytest
import requests

from lakeworks_local.stack.process import StackError
from tests.stack.product import BIN, Product

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]
SILVER = "silver.transport.trips"


def backfill(product: Product, first: str, last: str) -> dict[str, str]:
    """The real command; returns run id by partition key."""
    known = {run["dag_run_id"] for run in product.api.runs("taxi")}
    command = [str(BIN / "airflow"), "backfill", "create", "--dag-id", "taxi", "--from-date", first, "--to-date", last]
    done = subprocess.run(command, env=product.stack.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        new = [
            run for run in product.api.runs("taxi") if run["dag_run_id"] not in known and run["run_type"] == "backfill"
        ]
        if new:
            return {run["partition_key"]: run["dag_run_id"] for run in new}
        time.sleep(0.3)
    raise AssertionError("the backfill made no runs")


def test_1_a_backfill_fills_every_layer(product: Product) -> None:
    runs = backfill(product, "2019-01-01", "2019-01-31")
    assert list(runs) == ["2019-01"]
    assert product.wait("taxi", runs["2019-01"]) == "success", product.api.failure("taxi", runs["2019-01"])
    rows = {row["table"]: row for row in product.lakeworks("ledger")}
    assert (rows[SILVER]["partitions"], rows[SILVER]["rows_in"], rows[SILVER]["quarantined"]) == (31, 10_000, 18)
    counted = product.lakeworks("sql", "SELECT sum(trip_count) AS n FROM gold_transport.zone_daily_summary")
    assert counted == [{"n": str(rows[SILVER]["published"])}] or counted == [{"n": rows[SILVER]["published"]}]


def test_2_a_trigger_by_key_changes_nothing(product: Product) -> None:
    before = product.versions(SILVER)
    run_id, state = product.run("taxi", partition_key="2019-01")
    assert state == "success", product.api.failure("taxi", run_id)
    assert product.versions(SILVER) == before
    history = product.lakeworks("ledger", SILVER, "2019-01-05")
    assert [row["state"] for row in history] == ["published", "unchanged"]


def test_3_clearing_a_run_changes_nothing(product: Product) -> None:
    before = product.versions(SILVER)
    run_id = next(run["dag_run_id"] for run in product.api.runs("taxi") if run["run_type"] == "backfill")
    product.api.call("POST", f"dags/taxi/dagRuns/{run_id}/clear", json={"dry_run": False})
    assert product.wait("taxi", run_id) == "success"
    assert product.versions(SILVER) == before


def test_4_a_range_from_the_form_is_one_run(product: Product) -> None:
    run_id, state = product.run("taxi", conf={"from": "2019-02", "to": "2019-03"})
    assert state == "success", product.api.failure("taxi", run_id)
    months = {row["partition"][:7] for row in product.lakeworks("ledger", SILVER)}
    assert months == {"2019-01", "2019-02", "2019-03"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "does not name the month that it owns"),
        ({"conf": {"from": "2019-03", "to": "2019-01"}}, "runs backwards"),
    ],
)
def test_5_a_wrong_request_fails_at_once_and_says_what_to_type(
    product: Product, body: dict[str, Any], says: str
) -> None:
    before = product.versions(SILVER)
    run_id, state = product.run("taxi", **body)
    assert state == "failed"
    tasks = product.api.tasks("taxi", run_id)
    fetch = next(task for task in tasks if task["task_id"] == "bronze_yellow_trips.fetch")
    assert (fetch["state"], fetch["try_number"]) == ("failed", 1), "it is not retried"
    assert says in product.api.log("taxi", run_id, fetch)
    assert product.versions(SILVER) == before


def test_5_a_bad_key_is_refused_before_a_run_exists(product: Product) -> None:
    """The timetable reads a key before there is a run; the operators check it again for other ways in."""
    with pytest.raises(StackError, match=r"400 .*`bad key` is not a partition key: expected a month like 2019-01"):
        product.api.trigger("taxi", partition_key="bad key")
    for key in ("July", "2019-13", "2019-1", "2019-01-05"):
        with pytest.raises(StackError, match=r"400 .*param from: '"):
            product.api.trigger("taxi", conf={"from": key, "to": key})


def test_6_an_unpublished_month_waits_without_a_worker(product: Product) -> None:
    run_id = product.api.trigger("taxi", partition_key="2031-05")
    deadline, state = time.monotonic() + 60, ""
    while time.monotonic() < deadline and state != "deferred":
        tasks = product.api.tasks("taxi", run_id)
        state = next(str(task["state"]) for task in tasks if task["task_id"] == "bronze_yellow_trips.fetch")
        time.sleep(0.5)
    assert state == "deferred"
    product.api.call("PATCH", f"dags/taxi/dagRuns/{run_id}", json={"state": "failed"})


def test_7_html_from_the_source_fails_the_task_with_the_reason_and_live_data_stays(product: Product) -> None:
    assert product.stack.addresses is not None
    before = product.versions("bronze.transport.yellow_trips")
    fault = {"match": "*2019-07*", "kind": "html", "times": 50}
    requests.post(f"{product.stack.addresses.replay}/_control/faults", json=fault, timeout=5)
    run_id, state = product.run("taxi", partition_key="2019-07")
    requests.delete(f"{product.stack.addresses.replay}/_control/faults", timeout=5)
    assert state == "failed"
    assert "begins with '<html>" in product.api.failure("taxi", run_id)
    assert product.versions("bronze.transport.yellow_trips") == before


def test_8_the_ui_answers_and_tasks_have_links(product: Product) -> None:
    assert product.stack.addresses is not None
    assert "<html" in requests.get(product.stack.addresses.airflow, timeout=10).text
    run_id = next(run["dag_run_id"] for run in product.api.runs("taxi") if run["run_type"] == "backfill")
    links = product.api.call("GET", f"dags/taxi/dagRuns/{run_id}/taskInstances/silver_trips.audit/links")
    report = links["extra_links"]["Audit report"]
    page = requests.get(report, timeout=10)
    assert page.headers["Content-Type"].startswith("text/html"), "a browser shows it instead of saving it"
    assert "Audit passed" in page.text


def test_9_the_matrix_shows_what_airflow_and_the_lake_know(product: Product) -> None:
    """After the tests above: three months done, July 2019 failed at its source."""
    (silver,) = product.lakeworks("status", SILVER, "--from", "2019-01", "--to", "2019-03")
    assert (silver["counts"], silver["quarantined"]) == ({"published": 90}, 43), "days of which a trip is quarantined"
    window = ("--from", "2019-01", "--to", "2019-08")
    (bronze,) = product.lakeworks("status", "bronze.transport.yellow_trips", *window)
    states = {row["partition"][-2:]: row["state"] for row in bronze["partitions"]}
    expected = {
        "01": "published",
        "02": "published",
        "03": "published",
        "04": "missing",
        "07": "failed",
        "08": "missing",
    }
    assert {month: states[month] for month in expected} == expected


def test_9_maintenance_finds_and_repairs_a_lost_table(product: Product) -> None:
    endpoint = product.stack.environment["AWS_ENDPOINT_URL"]
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    glue = boto3.client("glue", endpoint_url=endpoint, region_name="us-east-1", **keys)
    glue.delete_table(DatabaseName="gold_transport", Name="hourly_demand")
    product.api.unpause("lake_maintenance")
    run_id = product.scheduled("lake_maintenance")  # a run by hand would stand behind this one
    assert product.wait("lake_maintenance", run_id, 600) == "success", product.api.failure("lake_maintenance", run_id)
    assert product.lakeworks("catalog", "diff", "--all") == []


def test_9_a_tenant_is_taken_in_by_form_and_runs_beside_the_others(product: Product) -> None:
    before = product.versions(SILVER)
    with pytest.raises(StackError, match=r"400 .*does not match"):
        product.api.trigger("tenant_onboarding", conf={"tenant": "Acme/*", "owner": ""})
    run_id, state = product.run("tenant_onboarding", conf={"tenant": "acme", "owner": "ops@acme.example"})
    assert state == "success", product.api.failure("tenant_onboarding", run_id)
    assert [(row["id"], row["owner"]) for row in product.lakeworks("tenant", "list")] == [("acme", "ops@acme.example")]
    product.api.unpause("taxi__acme")
    run_id, state = product.run("taxi__acme", partition_key="2019-02")
    assert state == "success", product.api.failure("taxi__acme", run_id)
    rows = {row["table"]: row for row in product.lakeworks("ledger", LAKE_TENANT="acme")}
    assert (rows[SILVER]["partitions"], rows[SILVER]["rows_in"]) == (28, 10_000)
    assert product.versions(SILVER) == before, "nothing of the lake's own was touched"
    bill = {row["tenant"]: row for row in product.lakeworks("cost", "--by", "tenant")}
    assert bill["acme"]["bytes"] > 0
    assert bill[""]["objects"] > 0, "the register, at least"
