"""The demo's progress: one line a table, each printed once where no terminal redraws them."""

from io import StringIO
from typing import Any

from rich.console import Console

from lakeworks_local.task_board import TaskBoard, progress_of


def task(task_id: str, state: str | None, dag: str = "taxi") -> dict[str, Any]:
    return {"dag_id": dag, "task_id": task_id, "state": state}


def test_tasks_are_counted_by_dag_and_table() -> None:
    trips, zones, other = progress_of(
        [
            task("silver_trips.write", "success"),
            task("silver_trips.audit", "running"),
            task("silver_trips.publish", None),
            task("zones.fetch", "up_for_retry"),
            task("silver_trips.write", "success", "taxi__acme"),
        ]
    )
    assert (trips.dag, trips.name, trips.done, trips.tasks, trips.words) == ("taxi", "silver_trips", 1, 3, "audit")
    assert zones.words == "1 wait to be retried"
    assert (other.dag, other.words, other.is_finished) == ("taxi__acme", "done", True)


def test_without_a_terminal_each_table_is_one_line_once_it_is_done() -> None:
    text, now = StringIO(), [0.0]
    with TaskBoard(Console(file=text, width=100), clock=lambda: now[0]) as board:
        board.show([task("a.write", "running"), task("b.write", None)])
        now[0] = 5.0
        board.show([task("a.write", "success"), task("b.write", "running")])
        board.show([task("a.write", "success"), task("b.write", "running")])
        now[0] = 9.0
        board.show([task("a.write", "success"), task("b.write", "success")])
    assert text.getvalue().splitlines() == ["      5 s  taxi: a done, 1 tasks", "      9 s  taxi: b done, 1 tasks"]


def test_on_a_terminal_the_lines_are_redrawn() -> None:
    text = StringIO()
    with TaskBoard(Console(file=text, width=100, force_terminal=True)) as board:
        board.show([task("a.write", "running")])
        board.show([task("a.write", "success")])
    assert "\x1b[" in text.getvalue()
    assert "1/1" in text.getvalue()
