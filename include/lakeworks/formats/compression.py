"""Compressed files as streams of their plain bytes."""

import gzip
from typing import BinaryIO, cast


def plain(stream: BinaryIO, compression: str | None) -> BinaryIO:
    """Return the plain bytes of a stream.

    Raises:
        ValueError: the compression is not known.
    """
    if compression is None:
        return stream
    if compression == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream, mode="rb"))
    raise ValueError(f"`{compression}` is no known compression")
