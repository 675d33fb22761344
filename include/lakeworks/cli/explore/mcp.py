"""`lakeworks mcp`: answers an assistant's questions over standard input and output."""

import sys
from typing import Annotated

import typer

from lakeworks.agents.limits import AnswerLimits
from lakeworks.agents.server import LakeAnswers, server_of
from lakeworks.airflow_api import Airflow
from lakeworks.cli.connection import connect
from lakeworks.cli.output import say
from lakeworks.settings import current_settings

_DEFAULT = AnswerLimits()


def serve_assistant(
    rows: Annotated[int, typer.Option(help="Most rows of an answer.", min=1, max=10_000)] = _DEFAULT.rows,
    size: Annotated[int, typer.Option("--bytes", help="Most bytes of an answer.", min=1_000)] = _DEFAULT.bytes,
    seconds: Annotated[float, typer.Option(help="Seconds after which a query is stopped.", min=0.1)] = _DEFAULT.seconds,
) -> None:
    """Answer an assistant's questions about the lake (MCP).

    An MCP client starts this command and speaks with it over standard input and output. The tools only read, and columns of
    personal or confidential data are withheld.
    """
    address = current_settings().airflow_url
    airflow = Airflow(address.get_secret_value()) if address else None
    limits = AnswerLimits(rows=rows, bytes=size, seconds=seconds)
    server = server_of(LakeAnswers(connect(), airflow, limits))
    if sys.stdin.isatty():
        say("An MCP client starts this command, see docs/mcp.md. Ctrl-D ends it.", to_stderr=True)
    server.run("stdio")
