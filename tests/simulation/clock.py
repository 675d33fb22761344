"""The virtual clock of a history, and the seams that put it (and in-line thread pools) under the product's code."""

import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from unittest.mock import patch

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """The time of a history. `skew` is how far the clock of the process that runs now is off."""

    def __init__(self) -> None:
        self.now = START
        self.skew = timedelta()

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by


class _Current:
    clock: Clock | None = None
    identifiers = 0


def use(clock: Clock) -> None:
    """Make a clock the one that the product's code reads."""
    _Current.clock = clock
    _Current.identifiers = 0


def identifiers() -> int:
    """How many identifiers the history has made."""
    return _Current.identifiers


def identify_after(made: int) -> None:
    """Go on after so many identifiers."""
    _Current.identifiers = made


def next_uuid() -> uuid.UUID:
    """The next identifier of a history, where the product asks for a random one."""
    _Current.identifiers += 1
    return uuid.UUID(int=_Current.identifiers << 96)  # names keep its first characters only


class _AnyDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


class VirtualDatetime(datetime, metaclass=_AnyDatetime):
    """`datetime` as the product's modules see it during a simulation: `now` is the history's."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """The virtual time, as the running process's clock shows it."""
        clock = _Current.clock
        return (clock.now + clock.skew).astimezone(tz) if clock else datetime.now(tz)


class InlinePool:
    """A thread pool that runs each task at once, in the caller: a simulated process has one thread.

    As in a real pool, the failure of one task does not keep the others from running.
    """

    def __init__(self, *_: Any, **__: Any) -> None:
        """Any arguments a real pool takes."""

    def __enter__(self) -> "InlinePool":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to wait for."""

    def submit(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> "Future[Any]":
        """Run a task and return its finished future."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future

    def map(self, function: Callable[..., Any], *items: Iterable[Any]) -> Iterator[Any]:
        """Run all tasks, then hand out their results in order, or the first failure."""
        results: list[tuple[Any, Exception | None]] = []
        for arguments in zip(*items, strict=False):
            try:
                results.append((function(*arguments), None))
            except Exception as error:
                results.append((None, error))
        return _handed_out(results)

    def shutdown(self, *_: Any, **__: Any) -> None:
        """Nothing runs."""


def _handed_out(results: list[tuple[Any, Exception | None]]) -> Iterator[Any]:
    for result, error in results:
        if error:
            raise error
        yield result


@contextmanager
def installed() -> Iterator[None]:
    """Put the virtual clock and the in-line pools under every loaded module of the product."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(uuid, "uuid4", next_uuid))
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] != "lakeworks":
                continue
            if getattr(module, "datetime", None) is datetime:
                stack.enter_context(patch.object(module, "datetime", VirtualDatetime))
            if getattr(module, "ThreadPoolExecutor", None) is ThreadPoolExecutor:
                stack.enter_context(patch.object(module, "ThreadPoolExecutor", InlinePool))
        yield
