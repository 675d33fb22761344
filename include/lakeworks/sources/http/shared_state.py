"""Small documents shared by several processes: the store of quota and rate limit.

A lake keeps them in its bucket (`landing/quota.py`). The two stores here need no bucket: one serves a process, one a machine.
"""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Protocol


class SharedState(Protocol):
    """Named documents with compare-and-swap."""

    def read(self, name: str) -> tuple[bytes, str] | None:
        """Return a document and its tag; None if there is none."""

    def swap(self, name: str, body: bytes, tag: str | None) -> bool:
        """Write a document if it still has this tag (None: if it does not exist). Return False if another writer was faster."""


class MemoryState:
    """Documents of one process: for use without a lake."""

    def __init__(self) -> None:
        self._documents: dict[str, bytes] = {}
        self._lock = Lock()

    def read(self, name: str) -> tuple[bytes, str] | None:
        """See `SharedState`."""
        body = self._documents.get(name)
        return None if body is None else (body, _tag(body))

    def swap(self, name: str, body: bytes, tag: str | None) -> bool:
        """See `SharedState`."""
        with self._lock:
            stored = self.read(name)
            if (stored[1] if stored else None) != tag:
                return False
            self._documents[name] = body
            return True


class FileState:
    """Documents of all processes of one machine, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> tuple[bytes, str] | None:
        """See `SharedState`."""
        try:
            body = (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        return body, _tag(body)

    def swap(self, name: str, body: bytes, tag: str | None) -> bool:
        """See `SharedState`."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._locked(path):
            stored = self.read(name)
            if (stored[1] if stored else None) != tag:
                return False
            fresh = path.with_suffix(".new")
            fresh.write_bytes(body)
            fresh.rename(path)  # a reader sees the old document or the new one
            return True

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _tag(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
