"""What a simulated bucket stores and answers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError


@dataclass
class Version:
    """One version of one key; a delete marker has no body."""

    id: str
    body: bytes
    etag: str
    metadata: dict[str, str]
    modified: datetime
    marker: bool = False
    storage_class: str = "STANDARD"
    noncurrent_since: datetime | None = None
    readable_from: datetime | None = None  # set by a restore
    readable_until: datetime | None = None
    _item: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def listed(self, key: str) -> dict[str, Any]:
        """Describe it as a listing does. Only its storage class ever changes."""
        if self._item.get("StorageClass") != self.storage_class:
            self._item = {
                "Key": key, "ETag": self.etag, "LastModified": self.modified,
                "Size": len(self.body), "StorageClass": self.storage_class,
            }  # fmt: skip
        return self._item


@dataclass
class Upload:
    """Parts that wait to be completed."""

    key: str
    metadata: dict[str, str]
    started: datetime
    parts: dict[int, bytes] = field(default_factory=dict)


class Body:
    """The body of an answer."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self) -> bytes:
        """All of it."""
        return self.content

    def iter_chunks(self, _: int = 0) -> Iterator[bytes]:
        """All of it, in one chunk."""
        yield self.content


def failure(code: str, status: int, operation: str, **details: str) -> ClientError:
    """The error boto3 raises for an answer of S3 or Glue."""
    answer: Any = {"Error": {"Code": code, "Message": code, **details}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)
