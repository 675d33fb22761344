"""Operators against a real lake: what they return, what they retry, what they wait for."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from airflow.sdk.execution_time.context import OutletEventAccessors

from lakeworks.contract import load_contract
from lakeworks.core.layout import run_key
from lakeworks.core.partition import Period
from lakeworks.errors import LostRace, SourceUnavailable
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.settings import current_settings
from lakeworks_airflow import (
    AuditOperator,
    DayPageOperator,
    FetchOperator,
    PublishOperator,
    SkipUntilCoveredOperator,
    WriteOperator,
    table_asset,
)
from lakeworks_airflow.operators.base import TableOperator
from lakeworks_airflow.ui_links import object_url
from lakeworks_local.replay import start_replay
from lakeworks_local.replay.shopify import TOKEN
from tests.lakeworks.sources.vendor_lake import Vendor
from tests.lakeworks_local.shops import small_shop

ZONES, BRONZE = "reference.transport.zones", "bronze.transport.yellow_trips"


@pytest.fixture
def deployed(lake: Lake, moto_url: str, replay_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """The environment a deployment gives its tasks."""
    extra = {"endpoint_url": moto_url, "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": "test", "password": "testtest", "extra": extra}
    monkeypatch.setenv("LAKE_BUCKET", lake.store.bucket)
    monkeypatch.setenv("LAKE_SCRATCH_DIR", str(lake.scratch))
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW_CONN_NYC_TLC", json.dumps({"conn_type": "http", "host": replay_url}))
    current_settings.cache_clear()
    yield lake
    current_settings.cache_clear()


def context(key: str | None = "2019-01", attempt: int = 1, run_type: str = "manual", **params: Any) -> Any:
    run = SimpleNamespace(
        run_id="manual__1", partition_key=key, data_interval_start=None, data_interval_end=None, run_type=run_type,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    told = OutletEventAccessors()
    return {"dag_run": run, "params": params, "ti": SimpleNamespace(try_number=attempt), "outlet_events": told}


def operator(kind: type, **arguments: Any) -> Any:
    with DAG("test", schedule=None):
        return kind(task_id="task", **{"grain": "month", **arguments})


def test_the_steps_hand_keys_to_each_other(deployed: Lake) -> None:
    landed = operator(FetchOperator, table=ZONES).execute(context())
    assert landed[0].startswith("landing/transport/nyc_tlc/zones/")
    staged = operator(WriteOperator, table=ZONES).execute(context())
    assert staged == ["_staging/reference/transport/zones/period=2019-01/manual__1.1/manifest.json"]
    audited = operator(AuditOperator, table=ZONES, staged=staged).execute(context())
    publishing = context()
    (summary,) = operator(PublishOperator, table=ZONES, staged=audited).execute(publishing)
    assert publishing["outlet_events"][table_asset(ZONES)].partition_keys == {"2019-01"}
    assert summary == {
        "table": ZONES, "period": "2019-01", "read": 265, "staged": 265, "quarantined": 0, "deduplicated": 0,
        "partitions": {"published": 1},
    }  # fmt: skip
    json.dumps([landed, staged, audited, summary])


def test_a_run_leaves_the_page_of_its_domain_for_its_newest_periods(deployed: Lake) -> None:
    """Also where nothing is published: the page names what is missing."""
    pages = operator(DayPageOperator, domain="transport", newest=2)
    assert pages.execute(context("2019-02")) == ["_audits/_days/transport/2019-02.html"]
    ranged = pages.execute(context(None, **{"from": "2019-01", "to": "2019-04"}))
    assert ranged == [f"_audits/_days/transport/2019-0{month}.html" for month in (3, 4)]
    assert b"transport 2019-02" in deployed.store.get("_audits/_days/transport/2019-02.html")[0]
    with pytest.raises(AirflowFailException, match="No table has the domain `transports`"):
        operator(DayPageOperator, domain="transports").execute(context())


def test_a_rollup_waits_for_every_day_and_a_person_does_not(deployed: Lake) -> None:
    upstream = load_contract("gold.commerce.daily_sales").table
    covered = operator(SkipUntilCoveredOperator, table="gold.commerce.customer_360_monthly", upstream=str(upstream))
    for day in range(1, 28):
        deployed.store.put(run_key(upstream, Period.parse(f"2017-02-{day:02}"), "r.1"), b"{}")
    with pytest.raises(AirflowSkipException, match="2017-02 waits for runs of `gold.commerce.daily_sales`: 2017-02-28"):
        covered.execute(context("2017-02", run_type="asset_triggered"))
    assert covered.execute(context("2017-02")) == {"2017-02": ["2017-02-28"]}
    deployed.store.put(run_key(upstream, Period.parse("2017-02-28"), "r.1"), b"{}")
    assert covered.execute(context("2017-02", run_type="asset_triggered")) == {"2017-02": []}


@pytest.mark.parametrize(
    ("ran", "missing_allowed", "missing"),
    [
        (range(1, 29), 0, []),
        (range(1, 28), 0, None),
        (range(1, 28), 1, ["2017-02-28"]),
        (range(1, 27), 1, None),
        (range(29, 29), 1, None),
        (range(29, 29), 28, [f"2017-02-{day:02}" for day in range(1, 29)]),
    ],
    ids=[
        "all",
        "one missing",
        "one missing and allowed",
        "two missing and one allowed",
        "none",
        "none and all allowed",
    ],
)
def test_a_rollup_goes_on_without_as_many_days_as_are_allowed_to_be_missing(
    deployed: Lake, ran: range, missing_allowed: int, missing: list[str] | None
) -> None:
    upstream = load_contract("gold.commerce.daily_sales").table
    for day in ran:
        deployed.store.put(run_key(upstream, Period.parse(f"2017-02-{day:02}"), "r.1"), b"{}")
    covered = operator(
        SkipUntilCoveredOperator,
        table="gold.commerce.customer_360_monthly",
        upstream=str(upstream),
        missing_allowed=missing_allowed,
    )
    started_by_assets = context("2017-02", run_type="asset_triggered")
    if missing is None:
        with pytest.raises(AirflowSkipException, match="2017-02 waits for runs of .*Nothing was built"):
            covered.execute(started_by_assets)
    else:
        assert covered.execute(started_by_assets) == {"2017-02": missing}


def test_a_range_is_one_run(deployed: Lake) -> None:
    landed = operator(FetchOperator, table=BRONZE).execute(context(None, **{"from": "2019-01", "to": "2019-02"}))
    assert [key.split("/")[4:6] for key in landed] == [["year=2019", "month=01"], ["year=2019", "month=02"]]


def test_a_range_announces_every_period_it_published(deployed: Lake) -> None:
    over = {"from": "2019-01", "to": "2019-02"}
    operator(FetchOperator, table=BRONZE).execute(context(None, **over))
    keys = operator(WriteOperator, table=BRONZE).execute(context(None, **over))
    keys = operator(AuditOperator, table=BRONZE, staged=keys).execute(context(None, **over))
    publishing = context(None, **over)
    assert len(operator(PublishOperator, table=BRONZE, staged=keys).execute(publishing)) == 2
    assert publishing["outlet_events"][table_asset(BRONZE)].partition_keys == {"2019-01", "2019-02"}


def test_a_range_asks_once_for_what_has_one_state_and_builds_it_once(deployed: Lake) -> None:
    over = context(None, **{"from": "2019-01", "to": "2019-03"})
    landed = operator(FetchOperator, table="reference.market.portfolio_holdings").execute(over)
    assert len(landed) == 1
    staged = operator(WriteOperator, table="reference.market.portfolio_holdings").execute(over)
    assert staged == ["_staging/reference/market/portfolio_holdings/period=2019-03/manual__1.1/manifest.json"]


def test_a_month_that_is_not_published_waits_without_a_worker(deployed: Lake) -> None:
    fetch = operator(FetchOperator, table=BRONZE, look_again_after=timedelta(hours=6))
    with pytest.raises(TaskDeferred) as deferred:
        fetch.execute(context("2031-05"))
    wait = deferred.value.trigger.moment - datetime.now(UTC)  # type: ignore[attr-defined]
    assert timedelta(hours=5, minutes=59) < wait <= timedelta(hours=6)
    assert deferred.value.method_name == "look_again"
    with pytest.raises(TaskDeferred):
        fetch.look_again(context("2031-05"), event={})


def test_a_used_up_quota_waits_without_a_worker_until_the_moment_it_names(deployed: Lake, replay_url: str) -> None:
    fault = {"match": "/trip-data/*", "kind": "status", "status": 429, "headers": {"Retry-After": "7200"}}
    requests.post(f"{replay_url}/_control/faults", json=fault, timeout=5)
    fetch = operator(FetchOperator, table=BRONZE)
    with pytest.raises(TaskDeferred) as deferred:
        fetch.execute(context())
    wait = deferred.value.trigger.moment - datetime.now(UTC)  # type: ignore[attr-defined]
    assert timedelta(minutes=119) < wait <= timedelta(hours=2)
    with pytest.raises(TaskDeferred):
        operator(FetchOperator, table=BRONZE).execute(context())  # another task knows it from the lake
    deployed.store.delete(["_quota/nyc_tlc.json"])
    assert fetch.look_again(context(), event={})[0].startswith("landing/transport/nyc_tlc/yellow_trips/")


def test_a_shop_is_reached_through_its_connection(deployed: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    table = "bronze.commerce.orders"
    with start_replay(small_shop) as url:
        connection = {"conn_type": "http", "host": url, "password": TOKEN, "extra": {"read_all_orders": True}}
        monkeypatch.setenv("AIRFLOW_CONN_SHOPIFY", json.dumps(connection))
        (landed,) = operator(FetchOperator, table=table, grain="day").execute(context("2017-01-02"))
        assert landed.startswith("landing/commerce/shopify/orders/year=2017/month=01/day=02/fetch=")
        monkeypatch.setenv("AIRFLOW_CONN_SHOPIFY", json.dumps({**connection, "password": "shpat_wrong_0123456789"}))
        with pytest.raises(AirflowFailException, match="Invalid API key") as refused:
            operator(FetchOperator, table=table, grain="day").execute(context("2017-01-03"))
    assert "shpat_wrong" not in str(refused.value)
    monkeypatch.delenv("AIRFLOW_CONN_SHOPIFY")
    with pytest.raises(AirflowFailException, match="needs an Airflow connection `shopify`"):
        operator(FetchOperator, table=table, grain="day").execute(context("2017-01-03"))


def test_a_range_over_a_used_up_quota_goes_on_without_asking_again(
    deployed: Lake, replay_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = Vendor(replay_url, "coingecko")
    vendor.reset("2013-03-02T06:00:00Z")
    connection = {"conn_type": "http", "host": f"{replay_url}/api/v3", "password": "CG-k3y-of-the-connection"}
    monkeypatch.setenv("AIRFLOW_CONN_COINGECKO", json.dumps(connection))
    vendor.fault(match="*ethereum*", kind="status", status=429, headers={"Retry-After": "7200"}, times=1)
    fetch = operator(FetchOperator, table="bronze.market.crypto_bars")
    fetch.grain, over = "day", context(None, **{"from": "2013-02-27", "to": "2013-02-28"})
    with pytest.raises(TaskDeferred):
        fetch.execute(over)
    deployed.store.delete(["_quota/coingecko.json"])  # the two hours are over
    landed = fetch.look_again(over, event={})
    assert [key.split("/")[6] for key in landed] == ["day=27", "day=28"]
    asked = [item["path"].split("/")[4] for item in vendor.seen()]
    assert asked == ["bitcoin", "ethereum", "ethereum", "bitcoin", "ethereum"], (
        "the one answer that was landed is not asked again"
    )
    assert vendor.seen()[0]["headers"]["x-cg-demo-api-key"] == "CG-k3y-of-the-connection"
    assert fetch.execute(over) == landed
    assert len(vendor.seen()) == 5, "another try of the same run finds both days complete"


@pytest.mark.parametrize("key", ["bad key", "2019-01-05", None])
def test_a_bad_partition_key_fails_for_good_with_what_to_type(deployed: Lake, key: str | None) -> None:
    with pytest.raises(AirflowFailException, match=r"2019-01.*|Nothing was run"):
        operator(WriteOperator, table=ZONES).execute(context(key))


def test_a_missing_upstream_fails_for_good(deployed: Lake) -> None:
    with pytest.raises(AirflowFailException, match="has nothing published for it"):
        operator(WriteOperator, table="silver.transport.trips").execute(context())


@pytest.mark.parametrize("error", [SourceUnavailable("503"), LostRace("race")])
def test_what_may_pass_is_left_to_airflows_retries(error: Exception) -> None:
    class Failing(TableOperator):
        def step(self, context: Any) -> None:
            raise error

    with pytest.raises(type(error)):
        operator(Failing, table=ZONES).execute(context())


def test_wrong_credentials_fail_for_good(deployed: Lake, seaweed_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "aws", "login": "test", "password": "wrong", "extra": {"endpoint_url": seaweed_url}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    with pytest.raises(AirflowFailException, match="Check the credentials"):
        operator(WriteOperator, table=ZONES).execute(context())


def test_links_lead_to_the_console_or_the_stand_in(deployed: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert object_url("gold/", listing=True).startswith("https://us-east-1.console.aws.amazon.com/s3/buckets/lake-")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert object_url("_audits/a.html", listing=False) == f"http://127.0.0.1:1/{deployed.store.bucket}/_audits/a.html"


def test_retries_stage_beside_each_other(deployed: Lake, run_at: Callable[..., Run]) -> None:
    operator(FetchOperator, table=ZONES).execute(context())
    first = operator(WriteOperator, table=ZONES).execute(context(attempt=1))
    second = operator(WriteOperator, table=ZONES).execute(context(attempt=2))
    assert first != second, "an orphan that wakes up does not write over its successor"
