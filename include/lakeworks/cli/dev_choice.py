"""The choice of `--dev`: the dev lake that a command reads and writes. Without it, LAKE_DEV decides.

`--help` imports this module, so it imports nothing of the lake.
"""

from contextvars import ContextVar
from typing import Annotated

import typer

# Commands that work in a dev lake as in the live one. The others that connect to the lake refuse LAKE_DEV.
TAKE_DEV = frozenset({
    "sql", "export", "status", "ledger", "plan changes", "contract diff", "diff", "rollback", "withdraw", "quarantine list",
    "quarantine show", "quarantine replay", "file-sizes", "compact", "freshness", "backfill plan", "backfill start",
})  # fmt: skip
_NAME: ContextVar[str | None] = ContextVar("dev", default=None)
_TAKES: ContextVar[bool] = ContextVar("takes_dev", default=True)


def begin_command(words: str) -> bool:
    """Forget an earlier command's choice; returns whether this command takes a dev lake."""
    _NAME.set(None)
    _TAKES.set(words in TAKE_DEV)
    return _TAKES.get()


def choose_dev(name: str | None) -> None:
    """Remember `--dev` for the connection that the command makes."""
    _NAME.set(name)


def chosen_dev() -> str | None:
    """Return the name after `--dev`."""
    return _NAME.get()


def takes_dev() -> bool:
    """Return True if the running command works in a dev lake."""
    return _TAKES.get()


def dev_option(
    dev: Annotated[
        str | None,
        typer.Option(
            "--dev",
            help="read and write this dev lake (docs/dev.md)",
            show_default=False,
            callback=choose_dev,
            expose_value=False,
        ),
    ] = None,
) -> None:
    """Add the option of every command that reads or writes tables."""
