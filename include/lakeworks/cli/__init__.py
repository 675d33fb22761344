"""The `lakeworks` command. Commands are registered in `registry.py`; an error is one message and an exit code."""

import sys

import typer

from lakeworks.cli.lazy_group import RootGroup
from lakeworks.errors import LakeError

app = typer.Typer(cls=RootGroup, no_args_is_help=True, help="A medallion data lake on S3, run by Apache Airflow.")


@app.callback()
def lakeworks() -> None:
    """A medallion data lake on S3, run by Apache Airflow."""


def main() -> None:
    """Run a command."""
    try:
        app()
    except LakeError as error:
        from lakeworks.cli.output import fail

        fail(error)
        sys.exit(1)
