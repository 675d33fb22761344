"""Progress of a walkthrough's runs, one line per table: redrawn on a terminal, otherwise printed when it is final."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from lakeworks_local.stack.api import FINISHED


@dataclass(frozen=True)
class TableProgress:
    """The tasks of one table (a task group) of one DAG over all runs."""

    dag: str
    name: str
    tasks: int
    done: int
    running: tuple[str, ...] = ()
    retrying: int = 0

    @property
    def is_finished(self) -> bool:
        """Return True once all its tasks are done."""
        return self.done == self.tasks

    @property
    def words(self) -> str:
        """Return the state in words."""
        if self.is_finished:
            return "done"
        retries = f"{self.retrying} wait to be retried" if self.retrying else ""
        return ", ".join(filter(None, (*self.running, retries))) or "waits"


def progress_of(tasks: Iterable[dict[str, Any]]) -> list[TableProgress]:
    """Count tasks by DAG and task group, in the order of Airflow's API."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for task in tasks:
        groups.setdefault((task["dag_id"], task["task_id"].partition(".")[0]), []).append(task)
    return [_counted(dag, name, own_tasks) for (dag, name), own_tasks in groups.items()]


def _counted(dag: str, name: str, tasks: list[dict[str, Any]]) -> TableProgress:
    states = [task["state"] for task in tasks]
    running = sorted({task["task_id"].rpartition(".")[2] for task in tasks if task["state"] == "running"})
    done, retrying = sum(state in FINISHED for state in states), states.count("up_for_retry")
    return TableProgress(dag, name, len(tasks), done, tuple(running), retrying)


class TaskBoard:
    """Board of tables and their finished tasks. A context manager, because a terminal's lines are redrawn until its end."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console
        self.clock = clock
        self.started = clock()
        self.finished: set[tuple[str, str]] = set()
        self.live = Live(console=console, refresh_per_second=4) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.live:
            self.live.stop()

    def show(self, tasks: Iterable[dict[str, Any]]) -> None:
        """Show the tasks' current states."""
        tables = progress_of(tasks)
        if self.live:
            self.live.update(_drawn(tables))
            return
        for table in tables:
            if table.is_finished and (table.dag, table.name) not in self.finished:
                self.finished.add((table.dag, table.name))
                elapsed = self.clock() - self.started
                self.console.print(f"  {elapsed:5.0f} s  {table.dag}: {table.name} done, {table.tasks} tasks")


def _drawn(tables: list[TableProgress]) -> Table:
    drawn = Table(box=None, pad_edge=False, show_header=False)
    for table in tables:
        color = "green" if table.is_finished else "cyan" if table.running else "yellow" if table.retrying else "dim"
        mark = "✓" if table.is_finished else "▸" if table.running else " "
        drawn.add_row(
            f"  [{color}]{mark}[/]", table.dag, table.name, f"{table.done}/{table.tasks}", f"[{color}]{table.words}[/]"
        )
    return drawn
