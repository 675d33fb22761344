"""Bytes of a text format as text."""

import io
from typing import BinaryIO


def text_of(stream: BinaryIO) -> io.TextIOWrapper:
    """Return UTF-8 text without a byte order mark, line endings as they are."""
    return io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
