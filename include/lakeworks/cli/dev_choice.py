"""The choice of `--dev`: the dev lake that a command reads and writes. Without it, LAKE_DEV decides.

`--help` imports this module, so it imports nothing of the lake.
"""

from contextvars import ContextVar
from typing import Annotated

import typer

from lakeworks.errors import ConfigError

# Commands that work in a dev lake as in the live one.
TAKE_DEV = frozenset({
    "sql", "export", "status", "ledger", "plan changes", "contract diff", "diff", "rollback", "withdraw", "quarantine list",
    "quarantine show", "quarantine replay", "file-sizes", "compact", "freshness", "backfill plan", "backfill start",
    "docs site", "docs day", "fetches", "budget",
})  # fmt: skip
_MAINTAINED = "The live lake is maintained; of dev lakes, `lakeworks gc` removes those whose life is over."
_LANDS = "A dev lake reads what the live lake has landed, and lands nothing."
_ELSEWHERE = "Other readers get live rows only. Query the dev lake: lakeworks sql --dev"
# Why the others do not: the first words that a command begins with decide.
_REFUSED = {
    "dev": "Its argument names the dev lake.",
    "ci": "It starts a dev lake of the branch's name; --dev-name gives another.",
    "release": "A release names live publications. Promote first: lakeworks dev promote",
    "approvals": "In a dev lake nothing waits for a person.",
    "plan": "Plans are applied to the live lake, and so are excluded ranges. A dev lake is built by: lakeworks dev build",
    "backfill": "It works on a backfill by its id, whichever lake its runs write.",
    "verify": "What a dev lake built is checked when it is promoted.",
    "cost": "Size and cost of dev lakes: lakeworks dev list",
    "objects": "Keys are those of the whole bucket; a dev lake's begin with `_dev/`.",
    **dict.fromkeys(("repair", "tag", "catalog", "expire", "restore", "gc", "failover"), _MAINTAINED),
    **dict.fromkeys(("load", "forget", "stream"), _LANDS),
    **dict.fromkeys(("serve", "share", "athena", "export-ddl", "mcp"), _ELSEWHERE),
}
_NO_ROWS = "It reads and writes no rows of a lake."
_NAME: ContextVar[str | None] = ContextVar("dev", default=None)
_COMMAND: ContextVar[str] = ContextVar("command", default="")


def begin_command(words: str) -> bool:
    """Forget an earlier command's choice; returns whether this command takes a dev lake."""
    _NAME.set(None)
    _COMMAND.set(words)
    return words in TAKE_DEV


def choose_dev(name: str | None) -> None:
    """Remember `--dev` for the connection that the command makes."""
    _NAME.set(name)


def refuse_dev(name: str | None) -> None:
    """Refuse `--dev` with the reason, before the command begins.

    Raises:
        ConfigError: the command does not work in a dev lake; nothing was run.
    """
    if name is not None:
        raise ConfigError(
            f"`{_COMMAND.get()}` does not work in dev lake `{name}`, so nothing was run. Leave out --dev. {_reason()}"
        )


def dev_of(setting: str | None) -> str | None:
    """Return the dev lake that the running command reads and writes: that of `--dev`, else of LAKE_DEV.

    Raises:
        ConfigError: LAKE_DEV names one, and the command works on the live lake only; nothing was run.
    """
    dev = _NAME.get() or setting
    command = _COMMAND.get()
    if dev and command and command not in TAKE_DEV:
        raise ConfigError(
            f"LAKE_DEV is `{dev}`, and `{command}` works on the live lake only. Nothing was run. Unset LAKE_DEV for "
            f"it; commands that work in a dev lake show --dev in their help. {_reason()}"
        )
    return dev


def _reason() -> str:
    return _REFUSED.get(_COMMAND.get().split(" ", maxsplit=1)[0], _NO_ROWS)


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
    """Add the option of every command that works in a dev lake."""


def refused_dev_option(
    dev: Annotated[str | None, typer.Option("--dev", hidden=True, callback=refuse_dev, expose_value=False)] = None,
) -> None:
    """Add the option of every other command: it says why not."""
