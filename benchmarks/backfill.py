"""`make bench-backfill`: a year of one domain on the real stack, as runs over months and as Airflow's backfill of a run a day.

Starts a stack of its own. The year is brought by `lakeworks backfill`; some of its days are then run again by
`airflow backfill create`, which must leave the same bytes. `--chunk year` brings the year as one run.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests
from rich.console import Console
from rich.table import Table

from benchmarks.years import YEARS
from lakeworks.core.period_keys import periods_between
from lakeworks_local.stack.api import FINISHED, AirflowApi
from lakeworks_local.stack.environment import LOGIN
from lakeworks_local.stack.stack import Stack

BIN = Path(sys.executable).parent


@dataclass
class Figures:
    """What one way took."""

    way: str
    days: int
    seconds: float = 0.0
    cpu: float = 0.0
    tasks: int = 0
    requests: int = 0
    partitions: int = 0

    def row(self) -> list[str]:
        """For the table."""
        counts = (self.tasks, self.requests, self.partitions)
        rates = (f"{self.seconds / self.days:.2f}", f"{self.partitions / self.seconds * 60:.0f}")
        return [self.way, str(self.days), f"{self.seconds:.0f}", f"{self.cpu:.0f}", *map(str, counts), *rates]


@dataclass
class Bench:
    """One stack and its figures."""

    stack: Stack
    api: AirflowApi
    dag: str = "market"
    tables: tuple[str, ...] = (".market.",)
    found: list[Figures] = field(default_factory=list)

    @contextmanager
    def measured(self, way: str, days: int) -> Iterator[Figures]:
        """Clock, processor time of the stack, what the vendors were asked."""
        assert self.stack.addresses is not None
        log = f"{self.stack.addresses.replay}/_control/requests"
        requests.delete(log, timeout=30)
        figures, busy, begun = Figures(way, days), _busy(), time.monotonic()
        yield figures
        figures.seconds, figures.cpu = time.monotonic() - begun, _busy() - busy
        figures.requests = len(requests.get(log, timeout=30).json())
        self.found.append(figures)

    def run(self, *command: str) -> str:
        """A command in the stack's environment."""
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]], env=self.stack.environment, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def versions(self) -> dict[str, str]:
        """The live object version of every partition of the DAG's tables."""
        listed = [row["table"] for row in json.loads(self.run("lakeworks", "ledger", "--json"))]
        tables = [table for table in listed if any(part in table for part in self.tables)]
        rows = (
            (table, row) for table in tables for row in json.loads(self.run("lakeworks", "ledger", table, "--json"))
        )
        return {f"{table} {row['partition']}": row["version"] for table, row in rows}

    def tasks(self, runs: list[str]) -> int:
        """Task instances of runs."""
        return sum(len(self.api.tasks(self.dag, run)) for run in runs)

    def by_ranges(self, first: str, last: str, days: int, chunk: str) -> None:
        """`lakeworks backfill start --watch`."""
        with self.measured(f"range runs, a {chunk} each", days) as figures:
            said = json.loads(
                self.run("lakeworks", "backfill", "start", self.dag, "--from", first, "--to", last, "--chunk", chunk,
                         "--unpause", "--watch", "--json")
            )  # fmt: skip
        if said["failed"]:
            raise SystemExit(f"failed: {said}")
        runs = [
            run["dag_run_id"] for run in self.api.runs(self.dag) if run["dag_run_id"].startswith("lakeworks_backfill__")
        ]
        figures.tasks, figures.partitions = self.tasks(runs), len(self.versions())

    def by_days(self, first: str, last: str, days: int) -> None:
        """`airflow backfill create`, one run a day."""
        before = self.versions()
        known = {run["dag_run_id"] for run in self.api.runs(self.dag)}
        with self.measured("Airflow's backfill, a run a day", days) as figures:
            self.run("airflow", "backfill", "create", "--dag-id", self.dag, "--from-date", first, "--to-date", last,
                     "--max-active-runs", "1", "--reprocess-behavior", "completed")  # fmt: skip
            runs = self._ended(known, days)
        figures.tasks = self.tasks(runs)
        figures.partitions = sum(
            key.rpartition(" ")[2][:10] >= first and key.rpartition(" ")[2][:10] <= last for key in before
        )
        if self.versions() != before:
            raise SystemExit("the same days by another way have other bytes")

    def _ended(self, known: set[str], days: int) -> list[str]:
        while True:
            runs = [
                run
                for run in self.api.runs(self.dag)
                if run["dag_run_id"] not in known and run["run_type"] == "backfill"
            ]
            if len(runs) == days and all(run["state"] in FINISHED for run in runs):
                if failed := [run["dag_run_id"] for run in runs if run["state"] == "failed"]:
                    raise SystemExit(self.api.failure(self.dag, failed[0]))
                return [run["dag_run_id"] for run in runs]
            time.sleep(1)


def _busy() -> float:
    """Processor seconds of the stack: of its processes that live, and of those that they waited for."""
    spent = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


def main() -> int:
    """Measure and print one table."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the stack must not outlive it
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backfill", description=__doc__)
    parser.add_argument("--dag", default="market", choices=[year.dag for year in YEARS if year.dag != "taxi"])
    parser.add_argument("--from", dest="first", help="default: the first day of the domain's year")
    parser.add_argument("--to", dest="last", help="default: the last")
    parser.add_argument("--chunk", default="month", help="the days that become one run: month or year")
    parser.add_argument("--days", type=int, default=10, help="how many days to run one by one")
    said = parser.parse_args()
    year = next(year for year in YEARS if year.dag == said.dag)
    first, last = said.first or year.first, said.last or year.last(12)
    days = periods_between(first, last, "day")
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "stack")
        addresses = stack.start(fresh=False)
        try:
            api = AirflowApi(addresses.airflow, LOGIN).connect()
            for dag in ("lake_bootstrap", year.dag):
                api.wait_for_dag(dag)
            clock = {"source": year.source, "now": year.now}
            requests.post(f"{addresses.replay}/_control/clock", json=clock, timeout=30).raise_for_status()
            boot = api.trigger("lake_bootstrap")
            while api.run("lake_bootstrap", boot)["state"] not in FINISHED:
                time.sleep(0.5)
            bench = Bench(stack, api, year.dag, year.tables)
            bench.by_ranges(first, last, len(days), said.chunk)
            if some := days[len(days) // 2 :][: said.days]:
                bench.by_days(str(some[0]), str(some[-1]), len(some))
        finally:
            stack.stop()
    table = Table(
        *("way", "days", "seconds", "CPU s", "tasks", "requests", "partitions", "s a day", "partitions a minute")
    )
    for figures in bench.found:
        table.add_row(*figures.row())
    Console(width=140).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
