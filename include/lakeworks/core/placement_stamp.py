"""The stamp of a Parquet object: 32 characters of its footer that differ each time the object is placed.

S3 gives equal bytes equal ETags. Without the stamp, a rollback would restore an old ETag. A delayed request of a dead
process, conditional on that ETag, would then succeed. The stamp has a fixed length, so no offset in the file moves.
The content hash of an object uses its bytes with a blank stamp.
"""

import hashlib
import uuid

STAMP_KEY = "lakeworks.placement"
BLANK_STAMP = "0" * 32
# Thrift's compact protocol writes the key-value pair of a footer as two length-prefixed strings; 0x18 opens each.
_PAIR = b"\x18" + bytes([len(STAMP_KEY)]) + STAMP_KEY.encode() + b"\x18" + bytes([len(BLANK_STAMP)])
_MAGIC = b"PAR1"


def new_stamp() -> str:
    """Return a stamp that no other placing has."""
    return uuid.uuid4().hex


def stamped(content: bytes, stamp: str) -> bytes:
    """Return a file (or its end, with the footer) with its stamp replaced; what has none comes back as it is."""
    start = _stamp_offset(content)
    if start is None:
        return content
    return content[:start] + stamp.encode() + content[start + len(BLANK_STAMP) :]


def content_hash(body: bytes) -> str:
    """Return the hex digest of an object's content: the same for every placing of the same rows."""
    return hashlib.sha256(stamped(body, BLANK_STAMP)).hexdigest()


def _stamp_offset(content: bytes) -> int | None:
    """Find the last such pair of the footer: its key-value pairs follow the statistics, which hold values of rows."""
    if content[-4:] != _MAGIC:
        return None
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    start = content.rfind(_PAIR, max(footer, 0))
    return start + len(_PAIR) if start >= 0 and start + len(_PAIR) + len(BLANK_STAMP) <= len(content) - 8 else None
