"""Calls on several threads at once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def map_ordered(function: Callable[[T], R], items: Iterable[T], threads: int) -> list[R]:
    """Apply a function to items on threads, and return the results in the order of the items."""
    with ThreadPoolExecutor(threads) as pool:
        return [*pool.map(function, items)]
