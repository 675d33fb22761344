"""Bytes of a text format as text and as lines."""

import io
from collections.abc import Iterator
from typing import BinaryIO

from lakeworks.formats.limits import RECORD_BYTES, check_record


def text_of(stream: BinaryIO, encoding: str = "utf-8") -> io.TextIOWrapper:
    """Return text without a byte order mark, line endings as they are."""
    name = "utf-8-sig" if is_utf8(encoding) else encoding
    return io.TextIOWrapper(stream, encoding=name, newline="")


def is_utf8(encoding: str) -> bool:
    """Return whether an option names UTF-8."""
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8")


def lines_of(text: io.TextIOBase) -> Iterator[str]:
    """Yield lines with their ends.

    Raises:
        ValueError: one is too long to be held.
    """
    number = 0
    while line := text.readline(RECORD_BYTES + 1):
        number += 1
        check_record(len(line), f"line {number}")
        yield line
