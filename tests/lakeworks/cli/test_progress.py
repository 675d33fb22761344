"""Long work shows that it goes on: on stderr, on a terminal only."""

import ast
import importlib
import inspect
import os
import pty
import subprocess
import sys
from types import ModuleType

import pytest

from lakeworks.cli.registry import COMMANDS, CommandEntry

SHOWS = {"waiting", "track", "counted", "follow", "transferring"}
TALKS = {"connect", "client", "airflow"}
QUICK = {
    "tenant policy": "one request for the account's number",
    "objects ls": "prints a page of rows as it comes",
    "tenant may": "asks no server",
    "mcp": "its output is the protocol; it answers until the assistant leaves",
    "stream run": "logs each object that it lands",
    "up": "prints each step as it comes",
    "demo": "prints each step as it comes",
}
CODE = """
import sys, time
from lakeworks.cli.progress import counted, track, waiting
with waiting("Listing objects"):
    time.sleep(0.3)
with counted("Rewriting") as progress:
    progress(1, 2)
    time.sleep(0.3)
for _ in track(["silver.transport.trips"], "Verifying"):
    time.sleep(0.3)
print("the answer")
"""


def called(module: ModuleType, start: str) -> set[str]:
    """The functions that a command calls, those of its own module followed."""
    bodies = {
        node.name: node for node in ast.parse(inspect.getsource(module)).body if isinstance(node, ast.FunctionDef)
    }
    names, waiting = set[str](), [start]
    while waiting:
        for node in ast.walk(bodies[waiting.pop()]):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in names:
                names.add(node.func.id)
                waiting += [node.func.id] if node.func.id in bodies else []
    return names


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.words)
def test_a_command_that_asks_a_server_shows_that_it_works(entry: CommandEntry) -> None:
    module, _, function = entry.target.partition(":")
    names = called(importlib.import_module(f"lakeworks.cli.{module}"), function)
    assert not names & TALKS or names & SHOWS or entry.words in QUICK, "wrap what takes time in `waiting` or `track`"


def ran(*, terminal: bool) -> tuple[str, str]:
    """stdout and stderr of a command whose stderr is a terminal or a file."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        [sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=theirs, env=environment, text=True
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # the other end of the terminal is closed
        pass
    finally:
        os.close(ours)
    assert process.stdout is not None
    with process, process.stdout as out:
        return out.read(), shown.decode()


def test_a_terminal_sees_what_is_done_and_a_file_sees_nothing() -> None:
    answer, shown = ran(terminal=True)
    assert answer == "the answer\n", "stdout holds the answer and nothing else"
    for text in ("Listing objects", "Rewriting", "1/2", "Verifying silver.transport.trips"):
        assert text in shown, text
    assert ran(terminal=False) == ("the answer\n", "")


def test_an_exception_for_a_command_that_is_gone_is_removed() -> None:
    assert set(QUICK) <= {entry.words for entry in COMMANDS}
