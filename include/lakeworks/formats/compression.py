"""Compressed files as streams of their plain bytes, counted as they are read."""

import bz2
import gzip
import lzma
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from lakeworks.formats.limits import FILE_BYTES, counted

_BLOCK = 1 << 20


def plain(stream: BinaryIO, compression: str | None, limit: int = FILE_BYTES) -> BinaryIO:
    """Return the plain bytes of a stream, from front to end; reading more than `limit` of them is a ValueError.

    Raises:
        ValueError: the compression is not known.
    """
    if compression is None:
        return stream
    if compression not in _OPENED:
        raise ValueError(f"`{compression}` is no known compression")
    return counted(cast(BinaryIO, _OPENED[compression](stream)), limit)


def seekable(stream: BinaryIO, compression: str | None, limit: int = FILE_BYTES) -> BinaryIO:
    """Return the plain bytes for a format that needs to seek: decompressed into a temporary file, deleted with the stream."""
    if compression is None:
        return stream
    name = getattr(stream, "name", None)
    folder = Path(name).parent if isinstance(name, str) else None
    unpacked = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - the caller's to read
    source = plain(stream, compression, limit)
    while block := source.read(_BLOCK):
        unpacked.write(block)
    unpacked.seek(0)
    return cast(BinaryIO, unpacked)


def _zstandard(stream: BinaryIO) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd")


_OPENED: dict[str, Callable[[BinaryIO], Any]] = {
    "gzip": lambda stream: gzip.GzipFile(fileobj=stream, mode="rb"),
    "bzip2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
    "zstd": _zstandard,
}
