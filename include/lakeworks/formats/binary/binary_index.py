"""Files of any kind, landed unchanged: images, PDFs, logs. Their table has one row per file, with facts about the file."""

import hashlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from lakeworks.formats.options import FormatOptions
from lakeworks.formats.raw_batch import RawBatch, from_records

_BLOCK = 1 << 20


def read(stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:  # noqa: ARG001 - every format has them
    """Read a file's size, its SHA-256 and its kind (by its first bytes); see `Format.read`."""
    digest, size, head = hashlib.sha256(), 0, b""
    while block := stream.read(_BLOCK):
        head = head or block[:16]
        digest.update(block)
        size += len(block)
    yield from_records([{"size_bytes": size, "sha256": digest.hexdigest(), "media_type": media_type(head)}])


def media_type(head: bytes) -> str:
    """Return the kind of a file by its first bytes."""
    return next((kind for start, kind in _SIGNATURES if head.startswith(start)), "application/octet-stream")


def extension(name: str) -> str:
    """Return the ending of a file's name in lower case, without its dot."""
    return PurePosixPath(name.lower()).suffix.removeprefix(".")


_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"(\xb5/\xfd", "application/zstd"),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
)
