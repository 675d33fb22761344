"""Operators of streams: the nightly comparison, and the last hour of a day's dropped files."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DagRunTriggerException

from lakeworks.infrastructure.stream_config import LiveViewConfig
from lakeworks.lake import Lake
from lakeworks.settings import current_settings
from lakeworks.streaming.live.live_view import LiveView
from lakeworks_airflow import FreshnessOperator, ReconcileStreamOperator, StartLastHourOperator, table_asset
from tests.lakeworks.streaming.conftest import Shop, shop, stream
from tests.lakeworks.streaming.test_reconciliation import DAY, ROWS, STREAMED, count
from tests.lakeworks_airflow.operators.test_operators import context, deployed

__all__ = ["deployed", "shop", "stream"]
QUERY = "SELECT sales_date AS day, sales_hour AS hour, currency, event_count AS events, net_amount AS amount FROM gold_commerce.hourly_sales"


@pytest.fixture
def here(shop: Callable[..., Shop], deployed: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    found = shop()
    declared = {"name": "commerce", "kinesis_name": found.stream.name, "live_view": {"compare_with": QUERY}}
    (tmp_path / "lake.yml").write_text(json.dumps({"streams": [declared]}))
    monkeypatch.setenv("LAKE_CONFIG_FILE", str(tmp_path / "lake.yml"))
    current_settings.cache_clear()
    return found


def reconciling(**options: Any) -> ReconcileStreamOperator:
    return ReconcileStreamOperator(task_id="reconcile", table=ROWS, stream="commerce", **options)


def test_a_difference_becomes_rows_and_fails_no_task(here: Shop, deployed: Lake) -> None:
    with pytest.raises(AirflowSkipException, match="Neither the live view nor the tables"):
        reconciling().execute(context(str(DAY)))
    count(
        LiveView(here.dynamodb, str(here.place.live_view), LiveViewConfig(compare_with=QUERY), timedelta(1)), *STREAMED
    )
    run = context(str(DAY))
    done = reconciling().execute(run)
    assert (done["differs"], done["staged"], done["partitions"]) == (True, 1, {"published": 1})
    assert list(run["outlet_events"][table_asset(ROWS)].partition_keys) == [str(DAY)]
    with pytest.raises(AirflowFailException, match="The run owns 31 days"):
        reconciling().execute(context("2026-01"))


def test_a_late_stream_is_alerted_like_a_late_table(here: Shop, caplog: pytest.LogCaptureFixture) -> None:
    here.put({"event_id": "a"})
    here.finish()
    (one,) = here.table.all().values()
    here.table.save(one, one.next_write(closed_through="2026-01-05T12:00:00+00:00"))
    look = FreshnessOperator(task_id="look")
    assert "stream.commerce" in look.execute(context())["late"]
    assert "stream.commerce is late: newest 2026-01-05T12" in caplog.text
    assert look.execute(context())["sent"] == [], "an alert is sent once"


def test_a_days_files_start_the_run_of_its_last_hour(here: Shop) -> None:
    start = StartLastHourOperator(task_id="start", follows="commerce_stream", tenant="acme")
    with pytest.raises(DagRunTriggerException) as started:
        start.execute(context("2026-01-05"))
    assert started.value.trigger_dag_id == "commerce_stream__acme"
    assert started.value.conf == {"from": "2026-01-05T23", "to": "2026-01-05T23"}
    assert started.value.dag_run_id == "last_hour__2026-01-05T23__20260101T000000000000"


def test_without_a_stream_nothing_is_started(deployed: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "lake.yml").write_text("{}\n")
    monkeypatch.setenv("LAKE_CONFIG_FILE", str(tmp_path / "lake.yml"))
    current_settings.cache_clear()
    with pytest.raises(AirflowSkipException, match="declares no stream"):
        StartLastHourOperator(task_id="start", follows="commerce_stream").execute(context("2026-01-05"))
