"""One version of an object as a file, for the Parquet readers of every engine."""

import io
import logging
from collections import OrderedDict
from threading import Lock

from lakeworks.core.layout import owner_of, partition_of
from lakeworks.errors import LakeNotFound
from lakeworks.ledger.entry import LiveObject
from lakeworks.ledger.run_record import StagedObject
from lakeworks.s3.object_store import SHA256, ObjectStore

log = logging.getLogger(__name__)
# Smaller objects are fetched whole: one request instead of one per column chunk.
_WHOLE_BYTES = 8 << 20
# As many of the largest ones as a scan reads at once, so that none is fetched twice.
_KEPT_BYTES = 16 * _WHOLE_BYTES


class ObjectCache:
    """Cache of the last small objects read, up to a number of bytes for all readers that share it."""

    def __init__(self, most: int = _KEPT_BYTES) -> None:
        self.most = most
        self._bodies: OrderedDict[int, bytes] = OrderedDict()
        self.bytes = 0
        self._lock = Lock()

    def of(self, reader: "PinnedObject") -> bytes | None:
        """Return a reader's body, if the cache still has it."""
        with self._lock:
            body = self._bodies.get(id(reader))
            if body is not None:
                self._bodies.move_to_end(id(reader))
            return body

    def keep(self, reader: "PinnedObject", body: bytes) -> None:
        """Cache a body, and evict the least recently used ones."""
        with self._lock:
            self.bytes += len(body) - len(self._bodies.pop(id(reader), b""))
            self._bodies[id(reader)] = body
            while self.bytes > self.most and len(self._bodies) > 1:
                _, gone = self._bodies.popitem(last=False)
                self.bytes -= len(gone)


class PinnedObject(io.RawIOBase):
    """One version of an object as a seekable file: Parquet readers fetch the byte ranges they need.

    Readers of one scan share a cache, so a scan of any number of small objects stays within its bound. Objects of up to
    `whole_bytes` are fetched whole; 8 MiB unless given.
    """

    def __init__(
        self, store: ObjectStore, item: LiveObject | StagedObject, kept: ObjectCache, whole_bytes: int | None = None
    ) -> None:
        super().__init__()
        self.whole_bytes = _WHOLE_BYTES if whole_bytes is None else whole_bytes
        self.store = store
        self.item = item
        self.version_id = item.version_id if isinstance(item, LiveObject) else None
        self._kept = kept
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Return the current offset in bytes."""
        return self._position

    def size(self) -> int:
        """The object's size in bytes."""
        return self.item.size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to an offset."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.item.size}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes from the current offset."""
        left = max(self.item.size - self._position, 0)
        length = left if size is None or size < 0 else min(size, left)
        if not length:
            return b""
        body = self._fetch(length)
        self._position += len(body)
        return body

    def _fetch(self, length: int) -> bytes:
        try:
            return self._fetch_version(length)
        except LakeNotFound as error:
            if self.version_id is None:
                raise
            self.version_id = self._same_bytes(error)
            return self._fetch_version(length)

    def _fetch_version(self, length: int) -> bytes:
        if self.item.size > self.whole_bytes:
            return self.store.get_range(self.item.key, self._position, length, self.version_id)
        body = self._kept.of(self)
        if body is None:
            body, _ = self.store.get(self.item.key, self.version_id)
            self._kept.keep(self, body)
        return body[self._position : self._position + length]

    def _same_bytes(self, error: LakeNotFound) -> str | None:
        """Return the current version at the key, if it has the published bytes. The bucket deleted the pinned one.

        Raises:
            LakeNotFound: it has other bytes, or is gone; the message names the partition and the command to type.
        """
        live = self.store.head(self.item.key)
        owner, partition = owner_of(self.item.key).table, partition_of(self.item.key)
        if live is None or live.metadata.get(SHA256) != self.item.sha256:
            raise LakeNotFound(
                f"`{owner}` {partition} cannot be read: the bucket no longer has the published version of "
                f"`{self.store.uri(self.item.key)}`. Other partitions are readable. Nothing was changed. Check: "
                f"lakeworks verify {owner}. Then run that period again, or withdraw the partition: lakeworks withdraw "
                f"{owner} {partition}"
            ) from error
        log.warning(
            "%s %s: the pinned version is gone, the live one is read. Run: lakeworks repair %s", owner, partition, owner
        )
        return live.version_id
