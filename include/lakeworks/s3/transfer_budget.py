"""One budget for many transfers: small ones in parallel, then large ones one by one with their parts in parallel."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from lakeworks.s3.multipart import single_request_bytes
from lakeworks.s3.object_store import ObjectStore

T = TypeVar("T")
R = TypeVar("R")


def within_budget(
    store: ObjectStore, items: Sequence[T], size: Callable[[T], int], transfer: Callable[[T], R]
) -> list[R]:
    """Transfer every item and return the results in order. Never send more requests at once than the store has threads."""
    small = [number for number, item in enumerate(items) if size(item) <= single_request_bytes(store)]
    done = dict(zip(small, store.map(lambda number: transfer(items[number]), small), strict=True))
    return [done[number] if number in done else transfer(item) for number, item in enumerate(items)]
