"""The choice of `--wide`: every column, or those that fit. A module of its own, so that `--help` imports no tables."""

from contextvars import ContextVar

_WIDE: ContextVar[bool] = ContextVar("wide", default=False)


def show_every_column(wide: bool) -> None:
    """Remember `--wide` for the tables that the command prints."""
    _WIDE.set(wide)


def every_column() -> bool:
    """Return True after `--wide`."""
    return _WIDE.get()
