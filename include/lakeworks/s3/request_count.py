"""Count of the requests that a lake's clients send to S3, by the two classes that S3 charges for."""

from collections.abc import Mapping
from threading import Lock
from typing import Any, TypeVar

S3 = TypeVar("S3")
# S3 charges these as PUT, COPY, POST or LIST. Deletions are free; all others are charged as GET.
_WRITES = frozenset({
    "PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload",
    "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads", "ListParts", "PutObjectTagging", "RestoreObject",
})  # fmt: skip
_FREE = frozenset({"DeleteObject", "DeleteObjects", "AbortMultipartUpload"})


class RequestCount:
    """Requests sent so far: `writes` at the price of a PUT, `reads` at the price of a GET. Retries count, as S3 counts them."""

    def __init__(self) -> None:
        self.writes = 0
        self.reads = 0
        self._lock = Lock()

    def on(self, client: S3) -> S3:
        """Count what a boto3 client sends. Return the client."""
        client.meta.events.register("before-send.s3", self._sent)  # type: ignore[attr-defined]
        return client

    def add(self, *, writes: int = 0, reads: int = 0) -> None:
        """Count requests of another client."""
        with self._lock:
            self.writes += writes
            self.reads += reads

    def now(self) -> tuple[int, int]:
        """Return the counts at this moment, to be given to `since`."""
        return self.writes, self.reads

    def since(
        self, moment: tuple[int, int], earlier: Mapping[str, int] | None = None, *, writes: int = 0
    ) -> dict[str, int]:
        """Return the requests since a moment, with those of earlier steps, and `writes` that are still to be sent."""
        known = earlier or {}
        if not (self.writes or self.reads):  # no client of the lake is counted
            return dict(known)
        return {
            "writes": known.get("writes", 0) + self.writes - moment[0] + writes,
            "reads": known.get("reads", 0) + self.reads - moment[1],
        }

    def _sent(self, event_name: str, **_: Any) -> None:
        operation = event_name.rpartition(".")[2]
        if operation not in _FREE:
            self.add(writes=operation in _WRITES, reads=operation not in _WRITES)
