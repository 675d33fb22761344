"""Progress of long work, on stderr and only on a terminal: stdout and `--json` stay clean."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

Item = TypeVar("Item")


def track(items: Sequence[Item], text: str) -> Iterator[Item]:
    """Yield the items; show how many are done and the one that is being worked on."""
    with _bar() as bar:
        task = bar.add_task(text, total=len(items))
        for item in items:
            name = getattr(item, "name", item)
            bar.update(task, description=f"{text} {name}" if isinstance(name, str) else text)
            yield item
            bar.advance(task)


@contextmanager
def counted(text: str) -> Iterator[Callable[[int, int], None]]:
    """Show work that reports how much is done: call what this yields with done and total."""
    with _bar() as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class Transfer:
    """A bar of bytes; parts arrive on several threads."""

    def __init__(self, bar: Progress, text: str, total: int) -> None:
        self._bar, self._task = bar, bar.add_task(text, total=total)

    def advance(self, size: int) -> None:
        """Add bytes."""
        self._bar.advance(self._task, size)

    def begin(self, text: str, total: int) -> None:
        """Start again for the next step; a step without bytes has no total."""
        self._bar.reset(self._task, description=text, total=total or None)


@contextmanager
def transferring(text: str, total: int) -> Iterator[Transfer]:
    """Show the progress of bytes: amount, speed and time left."""
    with _bar(DownloadColumn(), TransferSpeedColumn()) as bar:
        yield Transfer(bar, text, total)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show that work goes on whose length is unknown."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(text):
        yield


def _bar(*counts: ProgressColumn) -> Progress:
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        *(counts or (MofNCompleteColumn(),)),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
