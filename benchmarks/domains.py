"""`make bench-domains`: a year of every domain by Airflow's own `airflow backfill create`, on the real stack.

Half way through each year the scheduler is killed with its process group (SIGKILL) and started again, and the backfill goes on.
At the end the same command is given once more and must run nothing, and every table must agree with its ledger.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from benchmarks.backfill import Bench, Figures
from benchmarks.years import YEARS, Year
from lakeworks.core.period_keys import periods_between
from lakeworks_local.data.moved_trips import DATA, write_moved
from lakeworks_local.stack.api import FINISHED, AirflowApi
from lakeworks_local.stack.environment import LOGIN
from lakeworks_local.stack.stack import Stack

# Consumers that are not started by hand: events of the days that backfills publish start them.
FOLLOWERS = {"commerce_monthly": "gold.commerce.customer_360_monthly", "reports": "gold.reports.daily_digest"}
# What a killed scheduler had in hand is noticed in seconds; Airflow's own settings take minutes.
QUICK = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
}


def further_months(folder: Path, year: int) -> Path:
    """Copies of a real month of trips moved in time, for those months of the year that the demo has no sample of."""
    for month in periods_between(f"{year}-01", f"{year}-12", "month"):
        if not (DATA / f"yellow_tripdata_{month}.parquet").exists():
            write_moved(folder, month)
    return folder


def run(bench: Bench, year: Year, months: int) -> Figures:
    """One DAG's year: created, its scheduler killed half way, waited for, created again, verified."""
    last, count = year.last(months), year.runs - 12 + months
    clock = {"source": year.source, "now": year.now}
    assert bench.stack.addresses is not None
    requests.post(f"{bench.stack.addresses.replay}/_control/clock", json=clock, timeout=60).raise_for_status()
    command = ("airflow", "backfill", "create", "--dag-id", year.dag, "--from-date", year.first,
               "--to-date", last, "--max-active-runs", "1")  # fmt: skip
    days = len(periods_between(year.first, last, "day"))
    with bench.measured(year.dag, days) as figures:
        bench.run(*command)
        bench.api.unpause(year.dag)
        _end_what_the_schedule_began(bench, year.dag)
        runs = _ended(bench, year.dag, count)
    if {item["state"] for item in runs} != {"success"}:
        failed = next(item["dag_run_id"] for item in runs if item["state"] == "failed")
        raise SystemExit(bench.api.failure(year.dag, failed))
    ids = [str(item["dag_run_id"]) for item in runs]
    figures.tasks = sum(len(bench.api.tasks(year.dag, run_id)) for run_id in ids)
    tables = {name: count for name, count in _partitions(bench).items() if any(part in name for part in year.tables)}
    figures.partitions = sum(tables.values())
    _once_more(bench, command)
    if len(_runs(bench, year.dag)) != count:
        raise SystemExit(f"{year.dag}: the same backfill once more made further runs")
    for table in tables:
        bench.run("lakeworks", "verify", table)
    return figures


def _once_more(bench: Bench, command: Sequence[str]) -> None:
    """Airflow takes a backfill for running until some moments after its last run, and refuses another one meanwhile."""
    for _ in range(30):
        try:
            bench.run(*command)
        except SystemExit as error:
            if "AlreadyRunningBackfill" not in str(error):
                raise
        else:
            return
    raise SystemExit("the backfill before is taken for running still")


def _end_what_the_schedule_began(bench: Bench, dag: str) -> None:
    """Unpaused, Airflow runs yesterday too, of today's year: not what this is about."""
    while not (begun := [item for item in bench.api.runs(dag) if item["run_type"] == "scheduled"]):
        time.sleep(0.2)
    for item in begun:
        bench.api.call("PATCH", f"dags/{dag}/dagRuns/{item['dag_run_id']}", json={"state": "failed"})


def _ended(bench: Bench, dag: str, count: int) -> list[dict[str, Any]]:
    """Wait for the runs; kill the scheduler while one of the second half is at work."""
    killed = False
    while True:
        runs = _runs(bench, dag)
        ended = sum(item["state"] in FINISHED for item in runs)
        print(f"\r{dag}: {ended} of {len(runs)} runs", end="", file=sys.stderr, flush=True)
        if not killed and ended >= count // 2:
            bench.stack.kill_airflow("scheduler")
            bench.stack.restart_airflow("scheduler")
            killed = True
        if len(runs) == count and ended == count:
            print(file=sys.stderr)
            return runs
        time.sleep(2)


def _runs(bench: Bench, dag: str) -> list[dict[str, Any]]:
    return [item for item in bench.api.runs(dag) if item["run_type"] == "backfill"]


def _partitions(bench: Bench) -> dict[str, int]:
    """Live partitions by table."""
    return {row["table"]: row["partitions"] for row in json.loads(bench.run("lakeworks", "ledger", "--json"))}


def _followed(bench: Bench, dag: str, rollup: str) -> str:
    """Wait for the runs that events started; what became of them and how much of the roll-up is live."""
    runs = bench.api.runs(dag)
    while {item["state"] for item in runs} - set(FINISHED):
        time.sleep(1)
        runs = bench.api.runs(dag)
    if failed := [item["dag_run_id"] for item in runs if item["state"] == "failed"]:
        raise SystemExit(bench.api.failure(dag, failed[0]))
    bench.run("lakeworks", "verify", rollup)
    return f"{dag}: {len(runs)} runs followed; {_partitions(bench).get(rollup, 0)} partitions of {rollup} are live"


def main() -> int:
    """Measure and print one table."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the stack must not outlive it
    parser = argparse.ArgumentParser(prog="python -m benchmarks.domains", description=__doc__)
    parser.add_argument("--dag", action="append", choices=[year.dag for year in YEARS], help="only these")
    parser.add_argument("--months", type=int, default=12, help="of the year, from January on")
    said = parser.parse_args()
    table = Table(
        *("DAG", "days", "seconds", "CPU s", "tasks", "requests", "partitions", "s a day", "partitions a minute")
    )
    with tempfile.TemporaryDirectory() as folder:
        (trips := Path(folder) / "trips").mkdir()
        os.environ["REPLAY_TRIPS"] = str(further_months(trips, int(YEARS[0].first[:4])))
        stack = Stack(Path(folder) / "stack", QUICK)
        addresses = stack.start(fresh=False)
        try:
            api = AirflowApi(addresses.airflow, LOGIN).connect()
            bench = Bench(stack, api)
            for dag in ("lake_bootstrap", *FOLLOWERS, *(year.dag for year in YEARS)):
                api.wait_for_dag(dag)
            boot = api.trigger("lake_bootstrap")
            for dag in ("lake_bootstrap", *FOLLOWERS):
                api.unpause(dag)
            while api.run("lake_bootstrap", boot)["state"] not in FINISHED:
                time.sleep(0.5)
            for year in YEARS:
                if not said.dag or year.dag in said.dag:
                    table.add_row(*run(bench, year, said.months).row())
                    Console(width=140).print(table)
            for dag, rollup in FOLLOWERS.items():
                print(_followed(bench, dag, rollup))
        finally:
            stack.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
