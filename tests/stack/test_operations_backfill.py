"""`lakeworks backfill` on the real scheduler. Runs after test_end_to_end and test_market and goes by what those published."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from lakeworks.project import current_project
from tests.stack.product import BIN, Product

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


def backfill(product: Product, *arguments: str, code: int = 0) -> str:
    command = [str(BIN / "lakeworks"), "backfill", *arguments]
    done = subprocess.run(command, env=product.stack.environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


def planned(product: Product, dag: str, first: str, last: str, *more: str) -> Any:
    return product.lakeworks("backfill", "plan", dag, "--from", first, "--to", last, *more)


def test_a_plan_names_what_is_missing_and_what_it_costs(product: Product) -> None:
    plan = planned(product, "taxi", "2020-09", "2020-10")
    assert (plan["to_run"], plan["runs"]) == (2, [{"from": "2020-09", "to": "2020-10"}])
    tables = {table["table"]: table for table in plan["tables"]}
    assert tables["silver.transport.trips"]["missing"] == 2
    (taxi,) = plan["sources"]
    assert (taxi["source"], taxi["requests"], taxi["days"]) == ("nyc_tlc", "3", 1), "two months and the zones"
    daily = planned(product, "market", "2013-02-01", "2013-03-05")
    assert [(run["from"], run["to"]) for run in daily["runs"]] == [("2013-03-02", "2013-03-05")], "the rest is done"


def test_a_backfill_runs_what_is_missing_and_once_more_nothing(product: Product) -> None:
    done = product.lakeworks(
        "backfill", "start", "taxi", "--from", "2020-09", "--to", "2020-10", "--chunk", "day", "--watch"
    )
    assert (done["runs"], done["done"], done["failed"], done["failures"]) == (2, 2, 0, [])
    assert done["periods_a_minute"] > 0
    assert planned(product, "taxi", "2020-09", "2020-10")["to_run"] == 0
    assert "There is nothing to run" in backfill(product, "start", "taxi", "--from", "2020-09", "--to", "2020-10")
    shown = {row["backfill"]: row for row in product.lakeworks("backfill", "list", "taxi")}
    assert shown[done["backfill"]]["done"] == 2
    assert "2 of 2 periods done" in backfill(product, "watch", done["backfill"])


HOURS = "gold.transport.hourly_demand"


@pytest.fixture
def changed(tmp_path: Path) -> dict[str, str]:
    """A person's project in which one table's SQL differs from what Airflow has and published."""
    shutil.copytree(current_project().root / "include/lake", tmp_path / "include/lake")
    (tmp_path / "lake.yml").write_text("")
    sql = tmp_path / "include/lake/tables/gold/transport/hourly_demand/transform.sql"
    sql.write_text(sql.read_text().replace("COUNT(*)", "2 * COUNT(*)"))
    return {"LAKE_PROJECT": str(tmp_path)}


@pytest.fixture
def october_left_out(product: Product, changed: dict[str, str]) -> Iterator[None]:
    words = ("--exclude", f"{HOURS}:2020-10", "--reason", "its books are closed")
    product.lakeworks("plan", HOURS, *words, **changed)
    yield
    command = [str(BIN / "lakeworks"), "plan", "lift", f"{HOURS}:2020-10"]
    subprocess.run(command, env=product.stack.environment, check=True)


def test_a_plan_is_applied_from_what_has_landed_and_leaves_an_excluded_month_alone(
    product: Product, changed: dict[str, str], october_left_out: None
) -> None:
    """Airflow builds the code that is deployed: the rows stay, and each run's estimate is held against what it took."""
    plan = product.lakeworks("plan", HOURS, **changed)
    (table,) = plan["tables"]
    assert "2020-09" in table["periods"]
    assert "2020-10" not in table["periods"]
    assert {why.partition(" (")[0] for why in table["excluded"].values()} == {"its books are closed"}
    assert plan["requests"] == []
    assert product.stack.addresses is not None
    log = f"{product.stack.addresses.replay}/_control/requests"
    requests.delete(log, timeout=60).raise_for_status()
    done = product.lakeworks("plan", HOURS, "--apply", "--expect", plan["plan"], "--watch", **changed)
    (stage,) = done["stages"]
    assert (done["state"], done["failures"], stage["dag"], stage["tables"]) == ("started", [], "taxi", [HOURS])
    assert [item for item in requests.get(log, timeout=60).json() if "yellow" in str(item)] == []
    shown = product.lakeworks("plan", "show", str(done["plan"]), **changed)
    rows = {row["measure"]: row for row in shown["tables"]}
    assert rows["rows"]["built"] == f"{len(table['periods'])} of {len(table['periods'])}"
    assert (rows["rows"]["off_by_percent"], rows["bytes"]["off_by_percent"]) == (0, 0)
    assert rows["seconds"]["actual"] > 0
    assert rows["writes"]["actual"] > 0
    (matrix,) = product.lakeworks("status", HOURS, "--from", "2020-10", "--to", "2020-10", **changed)
    assert set(matrix["counts"]) == {"excluded"}


def test_a_run_leaves_alone_the_table_whose_month_is_excluded(product: Product, october_left_out: None) -> None:
    before = product.versions(HOURS)
    history = len(product.lakeworks("ledger", HOURS, "2020-10-05"))
    october = ("--from", "2020-10", "--to", "2020-10")
    plan = product.lakeworks("backfill", "plan", "taxi", *october, "--again")
    assert {row["table"]: row["excluded"] for row in plan["tables"]}[HOURS] == 1
    done = product.lakeworks("backfill", "start", "taxi", *october, "--again", "--watch")
    assert (done["done"], done["failures"]) == (1, [])
    assert product.versions(HOURS) == before
    assert len(product.lakeworks("ledger", HOURS, "2020-10-05")) == history, "not even confirmed"


def test_a_plan_of_a_paused_dag_starts_nothing(product: Product, changed: dict[str, str]) -> None:
    product.api.call("PATCH", "dags/taxi", json={"is_paused": True})
    try:
        with pytest.raises(AssertionError, match="`taxi`: paused, so its runs would wait"):
            product.lakeworks("plan", HOURS, "--apply", **changed)
    finally:
        product.api.unpause("taxi")


def test_a_backfill_is_held_resumed_and_cancelled(product: Product) -> None:
    week = ("--from", "2013-02-04", "--to", "2013-02-08")
    begun = product.lakeworks("backfill", "start", "market", *week, "--chunk", "day", "--again")
    name = begun["backfill"]
    assert begun["periods"] == 5
    under_way = planned(product, "market", week[1], week[3], "--again")
    assert (under_way["to_run"], len(under_way["under_way"])) == (0, 5), "a second start leaves them alone"
    assert "Scheduled runs of `market` wait too" in backfill(product, "pause", name)
    assert "is paused, so its runs would wait" in backfill(
        product, "start", "market", "--from", "2013-02-11", "--to", "2013-02-12", code=1
    )
    assert "cancelled: 4 periods will not run" in backfill(product, "cancel", name)
    assert "resumed" in backfill(product, "resume", name)
    (run_id,) = [run["dag_run_id"] for run in product.api.runs("market") if run["dag_run_id"].endswith("__2013-02-04")]
    assert product.wait("market", run_id) == "success", product.api.failure("market", run_id)
    over = backfill(product, "watch", name, code=1)
    assert "failed: 2013-02-05: ended before it started" in over
    assert "start the same backfill again. It runs only the unfinished periods" in over


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["taxis", "--from", "2019-01", "--to", "2019-02"],
            "Airflow has no DAG `taxis`. Nothing was started. It has: commerce,",
        ),
        (["lake_maintenance", "--from", "2019-01", "--to", "2019-02"], "builds no tables by period"),
        (
            ["reports", "--from", "2019-01", "--to", "2019-02"],
            "Backfill the DAG that publishes them; this DAG then follows",
        ),
        (["taxi", "--from", "2019-01-05", "--to", "2019-02"], "Give `2019-01`"),
        (["taxi", "--from", "2019-02", "--to", "2019-01"], "runs backwards"),
        (["taxi", "--from", "2018-12", "--to", "2019-01"], "Give --from 2019-01"),
        (["taxi", "--from", "2019-01", "--to", "2019-02", "--chunk", "week"], "expected day, month, year or all"),
    ],
)
def test_a_wrong_request_says_what_to_type(product: Product, arguments: list[str], says: str) -> None:
    assert says in backfill(product, "start", *arguments, code=1)


def test_a_backfill_that_is_not_known_and_an_airflow_that_is_not_there(product: Product) -> None:
    assert "See: lakeworks backfill list" in backfill(product, "watch", "taxi/nothing", code=1)
    with pytest.raises(AssertionError, match="LAKE_AIRFLOW_URL is not set"):
        product.lakeworks("backfill", "plan", "taxi", "--from", "2019-01", "--to", "2019-01", LAKE_AIRFLOW_URL="")
