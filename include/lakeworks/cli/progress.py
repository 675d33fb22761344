"""Progress of long work, on stderr and only on a terminal: stdout and `--json` stay clean."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

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


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show that work goes on whose length is unknown."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(text):
        yield


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
