"""What no one asked for: the schedule's own run, and the consumers its publications start. After the modules of the taxi's 2019."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from lakeworks.contract import load_contract
from lakeworks.core.partition import Period
from lakeworks.transform.sql import load_sql
from lakeworks_local.data.moved_trips import write_moved
from tests.stack.product import Product

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


def test_a_scheduled_run_waits_for_its_month_and_its_publication_starts_the_digest(product: Product) -> None:
    """Airflow began the run of the month before last once `taxi` was unpaused; the TLC has not published that month."""
    run_id = product.scheduled("taxi")
    run = product.api.run("taxi", run_id)
    month, fetch = Period.parse(run["partition_key"]), "bronze_yellow_trips.fetch"
    assert (run["state"], product.task("taxi", run_id, fetch)["state"]) == ("running", "deferred")
    write_moved(Path(os.environ["REPLAY_TRIPS"]), month)
    product.clear("taxi", run_id, fetch)  # instead of waiting six hours for the next look
    assert product.wait("taxi", run_id) == "success", product.api.failure("taxi", run_id)
    assert product.api.run("taxi", run_id)["run_type"] == "scheduled"

    (digest,) = product.followed("reports", str(month))
    assert (digest["run_type"], digest["state"]) == ("asset_triggered", "success")
    days = product.lakeworks(
        "sql",
        f"SELECT count(*) AS n, min(taxi_trip_count) AS least FROM gold_reports.daily_digest "
        f"WHERE digest_date >= DATE '{month}-01'",
    )
    assert int(days[0]["n"]) == len(month.split("day"))
    assert int(days[0]["least"]) > 0


def test_every_publication_of_every_task_reported_its_lineage(product: Product) -> None:
    """The event files that Airflow's tasks wrote, of all runs of all modules, against the ledger's own records."""
    folder = Path(product.stack.environment["LAKE_LINEAGE_URL"].removeprefix("file:"))
    events = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    complete = [event for event in events if event["eventType"] == "COMPLETE"]
    told = {event["job"]["name"]: event for event in complete}
    for row in product.lakeworks("ledger"):
        if row["partitions"]:
            (output,) = told[row["table"]]["outputs"]
            assert output["outputFacets"]["outputStatistics"]["rowCount"] >= 0
            assert output["facets"]["schema"]["fields"]
            has_sql = load_sql(load_contract(row["table"])) is not None
            assert ("columnLineage" in output["facets"]) == has_sql, row["table"]
    begun = Counter(event["run"]["runId"] for event in events if event["eventType"] == "START")
    ended = {event["run"]["runId"] for event in events if event["eventType"] in ("COMPLETE", "FAIL")}
    assert set(begun) <= ended, "whatever began has ended, if only by another that rolled it forward"
