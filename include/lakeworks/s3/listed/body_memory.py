"""Memory of small documents that this process has read or written, by key and ETag."""

from collections import OrderedDict
from threading import Lock

# A month of a table with a thousand entries of 2 kB takes an eighth of it.
MOST_BYTES = 16 << 20


class BodyMemory:
    """Bodies by key and ETag. A listing shows the ETag that an object has now, so no kept body is ever taken for a newer one.

    The oldest bodies leave first when there are too many.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._bodies: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def recall(self, key: str, etag: str) -> bytes | None:
        """Return the body that the object at a key has under this ETag; None if it is not kept."""
        known, body = self._bodies.get(key, ("", b""))
        return body if etag and known == etag else None

    def keep(self, key: str, etag: str, body: bytes) -> None:
        """Keep a body in the place of an earlier one of the same key."""
        with self._lock:
            self._bytes += len(body) - len(self._bodies.pop(key, ("", b""))[1])
            self._bodies[key] = etag, body
            while self._bytes > self.most_bytes:
                _, (_, left) = self._bodies.popitem(last=False)
                self._bytes -= len(left)
