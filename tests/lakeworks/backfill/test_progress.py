"""How far a backfill is, asked of an Airflow that answers in the shapes of 3.3.2, and of the lake's own quota."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakeworks.airflow_api import Airflow
from lakeworks.backfill.progress import BackfillProgress, look
from lakeworks.backfill.runs import PREFIX, Backfill, ChunkRun
from lakeworks.core.partition import Period
from lakeworks.errors import LakeNotFound
from lakeworks.lake import Lake
from lakeworks.landing.quota import LakeState
from lakeworks.sources.http.limits import Limiter, Spent

BACKFILL = "market/2013-01-01_2013-02-28_20261121T050000"
FETCH, BARS = "bronze_equity_daily_bars.fetch", "bronze.market.equity_daily_bars"
BEGAN = datetime(2026, 11, 21, 5, tzinfo=UTC)


class Asked(Airflow):
    """Airflow's answers by path, without a server."""

    def __init__(self, runs: list[dict[str, Any]], tasks: Mapping[str, list[dict[str, Any]]], log: Any = ()) -> None:
        super().__init__("http://airflow.test")
        self.runs, self.tasks, self.log = runs, tasks, log

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        if path.endswith("/dagRuns"):
            wanted = arguments["params"]["run_id_prefix_pattern"]
            return {"dag_runs": [run for run in self.runs if run["dag_run_id"].startswith(wanted)]}
        if path.endswith("/taskInstances"):
            return {"task_instances": self.tasks[path.split("/")[-2]]}
        return {"content": self.log}


def run(month: str, state: str) -> dict[str, Any]:
    first = Period.parse(month).split("day")
    run_id = f"{PREFIX}{BACKFILL.partition('/')[2]}__{first[0]}"
    ended = "2026-11-21T05:10:00Z" if state in {"success", "failed"} else None
    return {
        "dag_id": "market", "dag_run_id": run_id, "state": state, "partition_key": None, "start_date": "2026-11-21T05:00:00Z",
        "end_date": ended, "conf": {"from": str(first[0]), "to": str(first[-1])},
    }  # fmt: skip


def task(task_id: str, state: str, **more: Any) -> dict[str, Any]:
    trigger = {"classpath": "airflow.providers.standard.triggers.temporal.DateTimeTrigger", "kwargs": "{}"}
    return {
        "task_id": task_id, "state": state, "try_number": 2, "end_date": "2026-11-21T05:05:00Z", "rendered_fields": {},
        "trigger": trigger if state == "deferred" else None, **more,
    }  # fmt: skip


def waits(lake: Lake, *tasks: dict[str, Any]) -> tuple[str, ...]:
    begun = run("2013-01", "running")
    return look(Asked([begun], {begun["dag_run_id"]: list(tasks)}), BACKFILL, lake).waiting


def test_a_deferred_fetch_says_until_when_its_source_takes_no_request(lake: Lake) -> None:
    """The date was looked for in the trigger, whose arguments Airflow's API always returns as `{}`."""
    tomorrow = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    Limiter("alpha_vantage", state=LakeState(lake.store)).close(tomorrow, "the vendor said so")
    said = f"2013-01-01 to 2013-01-31 {FETCH}: waits until {tomorrow:%Y-%m-%d} 00:00 UTC: the vendor said so"
    assert waits(lake, task(FETCH, "deferred")) == (said,)
    mine = task("mine.fetch", "deferred", rendered_fields={"table": BARS})
    assert "waits until" in waits(lake, mine)[0], "a task of another name is known by the table it was given"


def test_a_used_up_month_is_recognised_by_the_requests_the_vendor_allows(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No one closes a source whose budget is spent: the document only counts."""
    monkeypatch.setenv("AIRFLOW_CONN_COINGECKO", json.dumps({"host": "http://vendor.test", "password": "key"}))
    month = Period.containing(datetime.now(UTC), "month")
    spent = asdict(Spent(month=str(month), of_month=10_000))
    lake.store.put("_quota/coingecko.json", json.dumps(spent).encode())
    (said,) = waits(lake, task("bronze_crypto_bars.fetch", "deferred"))
    assert said.endswith(f"waits until {month.end:%Y-%m-%d} 00:00 UTC: all 10000 requests of {month} are used up")


def test_what_waits_for_something_else_is_not_given_a_date(lake: Lake) -> None:
    """A month that is not published yet, a source that is open again, a task that asks no vendor."""
    assert waits(lake, task(FETCH, "deferred"))[0].endswith("waits for its source (see the task's log)")
    state = LakeState(lake.store)
    Limiter("alpha_vantage", state=state).close(datetime.now(UTC) - timedelta(minutes=1), "over")
    Limiter("nyc_tlc", state=state).close(datetime.now(UTC) + timedelta(days=1), "another source's")
    said = waits(lake, task(FETCH, "deferred"), task("covered", "deferred"), task("gone.fetch", "deferred"))
    assert [line.partition(": ")[2] for line in said] == ["waits for its source (see the task's log)"] * 3
    assert waits(lake, task(FETCH, "up_for_retry"))[0].endswith("try 2 failed, Airflow tries again")


def test_a_look_counts_runs_tasks_and_the_cause_of_a_failure(lake: Lake) -> None:
    done, bad = run("2013-01", "success"), run("2013-02", "failed")
    going = run("2013-03", "running")
    tasks = {
        bad["dag_run_id"]: [
            task("silver_daily_bars.write", "failed"),
            task("silver_daily_bars.audit", "upstream_failed"),
        ],
        going["dag_run_id"]: [task(FETCH, "success"), task("silver_daily_bars.write", "running")],
    }
    log = [{"level": "error", "event": "Task failed", "error_detail": [{"exc_value": "no room"}]}]
    seen = look(Asked([going, done, bad], tasks, log), BACKFILL, lake)
    assert (seen.done, seen.total) == (31 + 31 / 2, 31 + 28 + 31)
    assert seen.running == ("2013-03-01 to 2013-03-31: 1 of 2 tasks, at silver_daily_bars.write",)
    assert seen.failures == ("2013-02-01 to 2013-02-28 silver_daily_bars.write: no room",)
    with pytest.raises(LakeNotFound, match="backfill list"):
        look(Asked([done], {}), "market/none", lake)


def chunk(month: str, state: str) -> ChunkRun:
    days = Period.parse(month).split("day")
    return ChunkRun(month, state, days[0], days[-1], BEGAN if state != "queued" else None, None)


def test_time_left_goes_by_the_rate_so_far_and_is_not_guessed_while_a_vendor_rests() -> None:
    backfill = Backfill(
        "market", "x", (chunk("2013-01", "success"), chunk("2013-02", "failed"), chunk("2013-03", "queued"))
    )
    now = BEGAN + timedelta(minutes=62)
    seen = BackfillProgress(backfill, 31.0, (), (), ())
    assert seen.per_minute(now) == 0.5
    assert seen.time_left(now) == timedelta(minutes=62), "what failed is not waited for"
    assert BackfillProgress(backfill, 31.0, (), ("2013-03 waits",), ()).time_left(now) is None
    assert BackfillProgress(backfill, 0.0, (), (), ()).time_left(now) is None, "no rate yet"
