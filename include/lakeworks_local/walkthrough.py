"""The walkthrough: bootstrap the lake, drop its samples, run its DAGs, show the ledger and the answers."""

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
import psycopg
from rich.console import Console
from rich.table import Table

from lakeworks.contract import load_contract
from lakeworks.errors import LakeError
from lakeworks.serving.database import connected
from lakeworks.status.table_summary import COUNTED_AGAIN
from lakeworks_local.plan import DAY_BEGINS, Days, PlannedRun, load_walkthrough
from lakeworks_local.stack.api import FINISHED, AirflowApi
from lakeworks_local.stack.environment import BUCKET, LOGIN
from lakeworks_local.stack.process import StackError
from lakeworks_local.stack.stack import Stack
from lakeworks_local.stream import LocalStream
from lakeworks_local.task_board import TaskBoard

BOOTSTRAP = "lake_bootstrap"
MOVED_DATES = (
    "  The sample data are years old. The local vendors serve them with moved dates, so that they end yesterday; all other "
    "values are as recorded (docs/data.md)."
)


class Demo:
    """A project's walkthrough on one stack."""

    def __init__(self, stack: Stack, console: Console) -> None:
        self.stack = stack
        self.console = console
        self.plan = load_walkthrough(stack.project)
        self.started = time.monotonic()
        self.current = ""

    def play(self) -> None:
        """Run the whole walkthrough.

        Raises:
            StackError: the message names the step and shows the end of the right log.
        """
        api = self._connect()
        if self.stack.moved_dates:
            self.console.print(MOVED_DATES)
        if (self.stack.project.root / "dags" / f"{BOOTSTRAP}.py").is_file():
            with self.step(f"Bootstrap the lake (DAG {BOOTSTRAP})"):
                api.wait_for_dag(BOOTSTRAP, check=self.stack.check)
                self._wait(api, [(BOOTSTRAP, api.trigger(BOOTSTRAP))])
        self._drop()
        stream = LocalStream(self.stack, self._command, self.plan.stream) if self.plan.stream else None
        if stream:
            with self.step(f"Stream the shop's events of {stream.days.first} to {stream.days.last}"):
                self.console.print(f"  {stream.put():,} events are put; a consumer lands them")
        if self.plan.runs:
            self._listen(api, stream)
            for stage in self.plan.stages:
                runs = [run for run in self.plan.runs if run.stage == stage]
                with self.step(f"Run {'; beside it '.join(run.words for run in runs)}"):
                    self._run(api, runs, stream if stage == self.plan.stages[-1] else None)
                self._answer(after_stage=stage)
            self._show_ledger()  # first: what a person withdraws is missing from the row balance
            self._change()
        self._answer(after_stage=None)
        if stream:
            self._table("Commerce: does the live view of the stream agree with the batch?", stream.compared())

    def _answer(self, *, after_stage: int | None) -> None:
        """Ask the questions of a stage, or those of the end."""
        questions = [item for item in self.plan.questions if item.after_stage == after_stage]
        for item in questions:
            rows = self._served(item.sql) if item.served else self._lakeworks("sql", item.sql)
            self._table(item.question, rows)
        if questions and after_stage in self.plan.stages[:1]:
            self.console.print(f"The first answers came {time.monotonic() - self.started:.0f} s after the start.")

    def _drop(self) -> None:
        """Put the sample files into the inbox."""
        if not self.plan.drops:
            return
        aws = self.stack.environment
        s3 = boto3.client(
            "s3",
            endpoint_url=aws["AWS_ENDPOINT_URL"],
            region_name=aws["AWS_DEFAULT_REGION"],
            aws_access_key_id=aws["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"],
        )
        with self.step(f"Drop {len(self.plan.drops)} files into the inbox"):
            for item in self.plan.drops:
                path = self.stack.project.root / item.file
                if not path.is_file():
                    raise StackError(f"`{item.file}` of the walkthrough is not in the project. Nothing was dropped.")
                s3.put_object(Bucket=BUCKET, Key=item.key, Body=path.read_bytes())

    def _listen(self, api: AirflowApi, stream: LocalStream | None) -> None:
        """Wait until Airflow knows the DAGs, and start those that publications or the clock begin."""
        streamed = (stream.days.dag,) if stream else ()
        for dag in dict.fromkeys((*self.plan.listening, *(run.dag for run in self.plan.runs), *streamed)):
            api.wait_for_dag(dag, check=self.stack.check)
        for dag in self.plan.listening:  # a paused DAG hears of no publication
            api.unpause(dag)

    def _run(self, api: AirflowApi, runs: Sequence[PlannedRun], stream: LocalStream | None) -> None:
        """Start the runs of a stage, and wait until they have ended."""
        started: list[tuple[str, str]] = []
        for run in runs:
            if run.backfill is None and not run.scheduled:
                started.append((run.dag, api.trigger(run.dag, **run.body, **self._turn(run))))
            api.unpause(run.dag)
            if run.scheduled:
                started.append((run.dag, self._scheduled(api, run.dag)))
            elif run.backfill is not None:
                before = {item["dag_run_id"] for item in api.runs(run.dag)}
                self._backfill(run.dag, run.backfill)
                started += [(run.dag, run_id) for run_id in self._backfilled(api, run, before)]
        if stream:
            closed = api.trigger(
                stream.days.dag, conf=stream.close(), run_after=f"{datetime.now(UTC):%Y-%m-%dT00:00:00Z}"
            )
            api.unpause(stream.days.dag)
            started.append((stream.days.dag, closed))
        self._wait(api, started)

    def _turn(self, run: PlannedRun) -> dict[str, str]:
        """Return the time that puts a run before the one that its schedule begins: Airflow starts queued runs by it.

        The schedule's day reads the days before, so it would be stale at once if it came first.
        """
        followed = any(other.scheduled and other.dag == run.dag for other in self.plan.runs)
        return {"run_after": f"{datetime.now(UTC) - DAY_BEGINS:%Y-%m-%d}T00:00:00Z"} if followed else {}

    def _scheduled(self, api: AirflowApi, dag: str) -> str:
        """Return the newest run that a DAG's schedule began. It appears within seconds."""
        for _ in range(300):
            self.stack.check()
            if found := [item for item in api.runs(dag) if item["run_type"] == "scheduled"]:
                return str(max(found, key=lambda item: item["partition_key"] or "")["dag_run_id"])
            time.sleep(0.2)
        raise StackError(f"The schedule of `{dag}` began no run within a minute; see airflow-scheduler.log.")

    def _change(self) -> None:
        """Run the commands that leave something to look at."""
        for change in self.plan.changes:
            with self.step(change.shows):
                self._command(*change.command)

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

    def _backfill(self, dag: str, days: Days) -> None:
        command = ["airflow", "backfill", "create", "--dag-id", dag]
        command += ["--from-date", str(days.first), "--to-date", str(days.last)]
        command += ["--max-active-runs", "3", "--reprocess-behavior", "completed"]
        done = subprocess.run(command, env=self.stack.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StackError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-2000:]}")

    def _backfilled(self, api: AirflowApi, run: PlannedRun, before: set[str]) -> list[str]:
        """Return the runs of this backfill, without earlier runs. They appear within seconds."""
        states: dict[str, str] = {}
        for _ in range(100):
            self.stack.check()
            new = [
                item
                for item in api.runs(run.dag)
                if item["dag_run_id"] not in before and item["run_type"] == "backfill"
            ]
            states = {item["partition_key"]: item["dag_run_id"] for item in new}
            if all(key in states for key in run.keys):
                return [states[key] for key in run.keys]
            time.sleep(0.2)
        raise StackError(f"the backfill made no runs for {run.keys} (new: {states}); see airflow-scheduler.log")

    def _wait(self, api: AirflowApi, runs: list[tuple[str, str]], seconds: float = 1200) -> None:
        """Show the runs' tables as their tasks finish, until all runs have ended."""
        deadline = time.monotonic() + seconds
        with TaskBoard(self.console) as board:
            while time.monotonic() < deadline:
                self.stack.check()
                states = [api.run(dag, run)["state"] for dag, run in runs]
                board.show(task for dag, run in runs for task in api.tasks(dag, run))
                if "failed" in states:
                    raise StackError(api.failure(*runs[states.index("failed")]))
                if all(state in FINISHED for state in states):
                    return
                time.sleep(1.0)
        unfinished = ", ".join(f"{dag} {run} is {state}" for (dag, run), state in zip(runs, states, strict=True))
        raise StackError(f"not finished after {seconds:.0f} s: {unfinished}")

    def _lakeworks(self, *arguments: str) -> list[dict[str, Any]]:
        return list(json.loads(self._command(*arguments, "--json")))

    def _command(self, *arguments: str) -> str:
        command = ["lakeworks", *arguments]
        done = subprocess.run(command, env=self.stack.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StackError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
        return done.stdout

    def _served(self, sql: str) -> list[dict[str, Any]]:
        """Ask PostgreSQL, as an application would."""
        try:
            with connected(self.stack.environment["LAKE_SERVING_URL"]) as connection:
                cursor = connection.execute(sql.encode())
                names = [column.name for column in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except (LakeError, psycopg.Error) as error:
            raise StackError(f"PostgreSQL does not answer the walkthrough's question:\n{sql}\n{error}") from error

    def _show_ledger(self) -> None:
        rows = [row for row in self._lakeworks("ledger") if row["rows_in"]]
        self._table("The lake", rows)
        if not rows:
            raise StackError(
                "No table has a row, though every run succeeded. Do the DAGs write tables of this project?"
            )
        again = []
        for row in rows:
            in_balance = row["rows_in"] == row["published"] + row["quarantined"] + row["deduplicated"]
            re_opens = load_contract(row["table"]).late_data is not None
            if row["partitions"] == 0 or not (in_balance or re_opens):
                raise StackError(f"`{row['table']}` is not what lake.yml's walkthrough expects: {row}")
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
