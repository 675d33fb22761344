"""Upload of a local file, skipped if the object already has its size and SHA-256."""

from collections.abc import Callable
from pathlib import Path

from lakeworks.s3.multipart import upload_file
from lakeworks.s3.object_store import SHA256, ObjectStore, Target


def upload_once(
    store: ObjectStore, path: Path, key: str, sha256: str, sent: Callable[[int], None] | None = None
) -> bool:
    """Upload unless the object has this content. Return whether anything was sent.

    Only the digest that lakeworks wrote with an object proves its content. With parts or KMS an ETag is no digest.

    Raises:
        FileChanged: the file is no longer what was digested; nothing was written.
    """
    size, there = path.stat().st_size, store.head(key)
    if there is not None and there.size == size and there.metadata.get(SHA256) == sha256:
        if sent:
            sent(size)
        return False
    upload_file(store, path, Target(key, {SHA256: sha256}), sha256=sha256, sent=sent)
    return True
