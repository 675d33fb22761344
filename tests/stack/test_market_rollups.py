"""Partitioned assets between domains: whatever run published days, their roll-ups follow, once for days that came together.

Runs after test_commerce, test_end_to_end and test_market (in the order of their names) and goes by what those published.
"""

import time

import pytest

from tests.stack.product import Product

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
DIGEST, MONTHLY = "gold.reports.daily_digest", "gold.commerce.customer_360_monthly"


def test_days_published_together_start_one_run_of_the_month(product: Product) -> None:
    """test_market's range of 29 days is in two months, test_end_to_end's taxi runs are in three."""
    product.followed("reports", "2013-02", "2013-03", "2019-01", "2019-02", "2019-03")
    runs = product.api.runs("reports")
    assert {run["state"] for run in runs} == {"success"}
    assert sum(run["partition_key"] == "2013-02" for run in runs) == 1
    days = product.lakeworks(
        "sql",
        "SELECT count(*) AS n, min(equity_symbol_count) AS s FROM gold_reports.daily_digest WHERE digest_date < DATE '2013-03-01'",
    )
    assert [(int(row["n"]), int(row["s"])) for row in days] == [(19, 3)], "February's sessions"


def test_a_rollup_skips_until_every_day_was_run_and_says_which_are_missing(product: Product) -> None:
    """test_commerce ran two days of March."""
    (march,) = product.followed("commerce_monthly", "2017-03")
    tasks = {task["task_id"]: task for task in product.api.tasks("commerce_monthly", march["dag_run_id"])}
    assert {task["state"] for task in tasks.values()} == {"skipped"}
    log = product.api.log("commerce_monthly", march["dag_run_id"], tasks["covered"])
    assert "2017-03 waits for runs of `gold.commerce.daily_sales`: 2017-03-02, 2017-03-03" in log
    assert "and 24 more" in log
    rows = {row["table"]: row for row in product.lakeworks("ledger")}
    assert rows[MONTHLY]["partitions"] == 0


def test_a_rollup_asked_for_by_hand_builds_what_is_there(product: Product) -> None:
    product.succeeds("commerce_monthly", partition_key="2017-03")
    rows = {row["partition"]: row for row in product.lakeworks("ledger", MONTHLY)}
    assert "2017-03" in rows
    (cell,) = [
        c for m in product.lakeworks("status", MONTHLY, "--from", "2017-03", "--to", "2017-03") for c in m["partitions"]
    ]
    assert cell["state"] == "published"


def test_publications_without_news_build_nothing(product: Product) -> None:
    """A re-run of what is live announces its days again; the digest of their month has nothing to do."""
    before = len(product.api.runs("reports"))
    product.succeeds("market", conf={"from": "2013-02-04", "to": "2013-02-05"})
    deadline = time.monotonic() + 120
    while len(product.api.runs("reports")) == before and time.monotonic() < deadline:
        time.sleep(0.5)
    product.followed("reports", "2013-02")
    newest = product.api.runs("reports")[0]
    tasks = {task["task_id"]: task for task in product.api.tasks("reports", newest["dag_run_id"])}
    assert (newest["partition_key"], {task["state"] for task in tasks.values()}) == ("2013-02", {"skipped"})
    log = product.api.log("reports", newest["dag_run_id"], tasks["news"])
    assert "What `gold.reports.daily_digest` reads for 2013-02 is what its last run read" in log


def test_a_run_over_a_range_by_hand_confirms_what_the_events_built(product: Product) -> None:
    before = product.versions(DIGEST)
    product.succeeds("reports", conf={"from": "2013-02", "to": "2013-03"})
    assert product.versions(DIGEST) == before
