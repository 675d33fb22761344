"""Calls on several threads at once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def map_ordered(function: Callable[[T], R], items: Iterable[T], threads: int) -> list[R]:
    """Apply a function to items on threads, and return the results in the order of the items.

    The caller's own thread takes a single item: most maps of a publication are over one partition or object.
    """
    listed = [*items]
    if len(listed) < 2:
        return [function(item) for item in listed]
    with ThreadPoolExecutor(threads) as pool:
        return [*pool.map(function, listed)]
