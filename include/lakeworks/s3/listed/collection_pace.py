"""Pace of Python's garbage collector while a step builds hundreds of thousands of objects that stay.

The collector looks at new objects every 700 allocations, and at everything each time the heap grew by a quarter. None of a
listing's objects is garbage, so this found nothing and took two fifths of the CPU time of `status` over 20,000 partitions. The
collector is slowed down and not stopped: errors and answers of boto3 leave reference cycles, which must go meanwhile.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_SLOW = 100_000
_lock = Lock()
_inside = 0
_before = (0, 0, 0)


@contextmanager
def slow_collection() -> Iterator[None]:
    """Look for garbage every 100,000 allocations inside. The last of several threads that leaves resets the pace.

    A process that looks more rarely still, or never, keeps its own pace.
    """
    global _inside, _before
    with _lock:
        _inside += 1
        if _inside == 1:
            _before = gc.get_threshold()
            if 0 < _before[0] < _SLOW:
                gc.set_threshold(_SLOW, *_before[1:])
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                gc.set_threshold(*_before)
