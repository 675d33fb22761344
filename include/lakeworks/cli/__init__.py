"""The `lakeworks` command. `registry.py` lists its commands. An error is one message and an exit code."""

import sys

import typer

from lakeworks.cli.lazy_group import RootGroup

app = typer.Typer(
    cls=RootGroup,
    no_args_is_help=True,
    help="A medallion data lake on S3, run by Apache Airflow.",
    epilog="Commands that print tables take --json and --wide. Exit codes: 0 done, 1 differences or an error to correct, "
    "2 wrong command line, 75 try again, 130 interrupted.",
)


@app.callback()
def lakeworks() -> None:
    """Read the project's `.env` before a command runs."""
    from lakeworks.cli.environment_file import load_environment_file

    load_environment_file()


def main() -> None:
    """Run a command."""
    try:
        app()
    except Exception as error:
        from lakeworks.cli.failure import report

        sys.exit(report(error))
