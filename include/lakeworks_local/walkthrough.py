"""The demo: start the stack, bootstrap the lake, run three domains through it, show what came of it."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

from lakeworks.contract import load_contract
from lakeworks.status.table_summary import COUNTED_AGAIN
from lakeworks_local.questions import QUESTIONS
from lakeworks_local.stack.api import FINISHED, AirflowApi
from lakeworks_local.stack.environment import LOGIN
from lakeworks_local.stack.process import StackError
from lakeworks_local.stack.stack import Stack

FROM, TO, MONTHS = "2019-01-01", "2019-03-31", ("2019-01", "2019-02", "2019-03")
# One run each over a range of days: what the other two domains show.
RANGES = {"market": ("2013-01-01", "2013-01-31"), "commerce": ("2017-01-01", "2017-01-03")}


class Demo:
    """One demonstration on one stack."""

    def __init__(self, stack: Stack, console: Console) -> None:
        self.stack = stack
        self.console = console
        self.started = time.monotonic()
        self.current = ""

    def play(self) -> None:
        """Everything from start to answers.

        Raises:
            StackError: naming the step, with the end of the right log.
        """
        api = self._connect()
        with self.step("Bootstrap the lake (DAG lake_bootstrap)"):
            api.wait_for_dag("lake_bootstrap", check=self.stack.check)
            self._wait(api, [("lake_bootstrap", api.trigger("lake_bootstrap"))])
        days = ", ".join(f"{dag} {first} to {last}" for dag, (first, last) in RANGES.items())
        backfill = f"airflow backfill create --dag-id taxi --from-date {FROM} --to-date {TO}"
        with self.step(f"Backfill {len(MONTHS)} months of taxi trips ({backfill}), beside it {days}"):
            for dag in ("taxi", *RANGES):
                api.wait_for_dag(dag, check=self.stack.check)
                api.unpause(dag)
            before = {run["dag_run_id"] for run in api.runs("taxi")}
            self._backfill()
            runs = [("taxi", run) for run in self._backfilled(api, before)]
            for dag, (first, last) in RANGES.items():
                runs.append((dag, api.trigger(dag, conf={"from": first, "to": last})))
            self._wait(api, runs)
        self._show_ledger()
        for question, sql in QUESTIONS.items():
            self._table(question, self._lakeworks("sql", sql))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Print a step and how long it took."""
        self.current = name
        self.console.print(f"[bold cyan]▸[/] {name}")
        begun = time.monotonic()
        yield
        self.console.print(f"  [green]done[/] in {time.monotonic() - begun:.1f} s")

    def _connect(self) -> AirflowApi:
        assert self.stack.addresses is not None
        return AirflowApi(self.stack.addresses.airflow, LOGIN).connect()

    def _backfill(self) -> None:
        command = ["airflow", "backfill", "create", "--dag-id", "taxi", "--from-date", FROM, "--to-date", TO]
        command += ["--max-active-runs", "3", "--reprocess-behavior", "completed"]
        done = subprocess.run(command, env=self.stack.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StackError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-2000:]}")

    def _backfilled(self, api: AirflowApi, before: set[str]) -> list[str]:
        """The runs of this backfill, not those known before; they appear within seconds."""
        found: dict[str, str] = {}
        for _ in range(100):
            self.stack.check()
            new = [run for run in api.runs("taxi") if run["dag_run_id"] not in before and run["run_type"] == "backfill"]
            found = {run["partition_key"]: run["dag_run_id"] for run in new}
            if all(month in found for month in MONTHS):
                return [found[month] for month in MONTHS]
            time.sleep(0.2)
        raise StackError(f"the backfill made no runs for {MONTHS} (new: {found}); see airflow-scheduler.log")

    def _wait(self, api: AirflowApi, runs: list[tuple[str, str]], seconds: float = 1200) -> None:
        """Show tasks as they finish, until all runs have ended."""
        deadline, shown = time.monotonic() + seconds, ""
        while time.monotonic() < deadline:
            self.stack.check()
            states = [api.run(dag, run)["state"] for dag, run in runs]
            tasks = [task for dag, run in runs for task in api.tasks(dag, run)]
            line = _progress(tasks)
            if line != shown:
                self.console.print(f"  {time.monotonic() - self.started:5.0f} s  {line}")
                shown = line
            if "failed" in states:
                raise StackError(api.failure(*runs[states.index("failed")]))
            if all(state in FINISHED for state in states):
                return
            time.sleep(1.0)
        raise StackError(f"not finished after {seconds:.0f} s: {shown}")

    def _lakeworks(self, *arguments: str) -> list[dict[str, Any]]:
        command = ["lakeworks", *arguments, "--json"]
        done = subprocess.run(command, env=self.stack.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StackError(f"lakeworks {arguments[0]} failed:\n{done.stderr[-2000:]}")
        return list(json.loads(done.stdout))

    def _show_ledger(self) -> None:
        rows = [row for row in self._lakeworks("ledger") if row["rows_in"]]
        self._table("The lake", rows)
        if {row["table"].split(".")[1] for row in rows} < {"transport", *RANGES}:
            raise StackError("a domain is empty")
        again = []
        for row in rows:
            in_balance = row["rows_in"] == row["published"] + row["quarantined"] + row["deduplicated"]
            re_opens = load_contract(row["table"]).rebuilds is not None
            if row["partitions"] == 0 or not (in_balance or re_opens):
                raise StackError(f"`{row['table']}` is not as it should be: {row}")
            again += [] if in_balance else [row["table"]]
        if again:
            self.console.print(COUNTED_AGAIN.format(tables=", ".join(again)))

    def _table(self, title: str, rows: list[dict[str, Any]]) -> None:
        self.console.print(f"\n[bold]{title}[/]")
        table = Table(header_style="bold")
        for name in rows[0]:
            table.add_column(name, justify="right" if isinstance(rows[0][name], int | float) else "left")
        for row in rows:
            table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
        self.console.print(table)


def _progress(tasks: list[dict[str, Any]]) -> str:
    states = Counter(task["state"] or "waiting" for task in tasks)
    running = sorted({task["task_id"] for task in tasks if task["state"] == "running"})
    text = f"{states['success']} of {len(tasks)} tasks done"
    if retrying := states["up_for_retry"]:
        text += f", {retrying} waiting to retry"
    return text + (f"; running {', '.join(running[:4])}" if running else "")
