"""A stream of bytes taken line by line, or many lines at once."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from lakeworks.formats.limits import check_record

_BLOCK = 1 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE = re.compile(rb"[^\r\n]*(?:\r\n?|\n)")


class ByteLines:
    """The bytes of a stream from front to end. Lines end as in Python's universal newlines."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream, self._encoding = stream, encoding
        self._waiting, self._at = b"", 0
        self.taken = self.lines = 0
        self.ended = False
        if encoding == "utf-8" and self.ahead().startswith(_BYTE_ORDER_MARK):
            self.take(len(_BYTE_ORDER_MARK), 0)

    def ahead(self) -> bytes:
        """Return the bytes that come next, about a mebibyte, without taking them; none at the end."""
        while not self.ended and len(self._waiting) - self._at < _BLOCK:
            self._read_more(_BLOCK)
        self._waiting, self._at = self._waiting[self._at :], 0
        return self._waiting

    def take(self, size: int, lines: int) -> None:
        """Continue after so many bytes and lines."""
        self._at += size
        self.taken += size
        self.lines += lines

    def text_lines(self) -> Iterator[str]:
        """Take and yield lines with their ends.

        Raises:
            UnicodeDecodeError: one is not of the encoding.
            ValueError: one is too long to be held.
        """
        while line := self._line():
            self.take(len(line), 1)
            yield line.decode(self._encoding)

    def _line(self) -> bytes:
        number = self.lines + 1
        while True:
            match = _LINE.match(self._waiting, self._at)
            # After a `\r` at the end of what was read, a `\n` may follow.
            if match and (match.end() < len(self._waiting) or self._waiting.endswith(b"\n") or self.ended):
                check_record(match.end() - self._at, f"line {number}")
                return match.group()
            if self.ended:
                return self._waiting[self._at :]
            check_record(len(self._waiting) - self._at, f"line {number}")
            self._read_more(max(_BLOCK, len(self._waiting) - self._at))

    def _read_more(self, size: int) -> None:
        block = self._stream.read(size)
        self._waiting, self._at = self._waiting[self._at :] + block, 0
        self.ended = not block
