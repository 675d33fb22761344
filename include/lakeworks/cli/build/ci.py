"""`lakeworks ci`: everything that a pull request needs, in one command."""

import sys
from getpass import getuser
from pathlib import Path
from typing import Annotated

import typer

from lakeworks.cli.arguments import First, Last
from lakeworks.cli.output import say
from lakeworks.dev.opening import DevRequest
from lakeworks.dev.pull_request import branch_name, examine
from lakeworks.prices import load_price_book
from lakeworks.settings import current_settings


def examine_change(
    first: First = None,
    last: Last = None,
    name: Annotated[
        str | None, typer.Option("--dev-name", help="name of the dev lake; default: the branch's", show_default=False)
    ] = None,
    days: Annotated[int, typer.Option(help="days until garbage collection removes the dev lake")] = 7,
    out: Annotated[Path | None, typer.Option(help="write the Markdown to this file", show_default=False)] = None,
) -> None:
    """Examine a change for a pull request: check, test, plan, build, diff.

    Builds what the change reaches in a dev lake, over --from and --to, and prints the comparison with the live lake as
    Markdown. The live lake is only read. Exit code 1 if a check, an example, a build or an audit fails.
    """
    from lakeworks.cli.connection import connect_live

    request = DevRequest(name or branch_name(), (), first, last, days=days, by=getuser())
    settings = current_settings()
    examination = examine(
        connect_live,
        request,
        lambda step: say(f"lakeworks ci: {step}", to_stderr=True),
        load_price_book(settings.price_book),
        settings.region,
    )
    if out:
        out.write_text(examination.text, encoding="utf-8")
    else:
        sys.stdout.write(examination.text)
    raise typer.Exit(0 if examination.passed else 1)
