"""JSON: an array of objects, read object by object, or one object."""

import json
import re
from collections.abc import Iterator
from io import TextIOBase
from typing import Any, BinaryIO

from lakeworks.formats.limits import check_record
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.raw_batch import RawBatch, RecordBuffer
from lakeworks.formats.text.json_values import decode_at, parse_json
from lakeworks.formats.text.text_stream import text_of

_CHUNK = 1 << 20
_BLANK = re.compile(r"[ \t\r\n]*")
# An error this close to the end of the buffer may only mean that the rest is not read yet.
_NEAR = 32


def read(stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:
    """Read a JSON document; see `Format.read`."""
    buffer = RecordBuffer()
    try:
        for number, (row, size) in enumerate(_rows(_Window(text_of(stream, options.encoding))), start=1):
            if not isinstance(row, dict):
                raise ValueError(f"item {number} is no object")  # noqa: TRY004 - a fault of the file
            if full := buffer.add(row, size):
                yield full
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not {options.encoding.upper()} ({error.reason})") from error
    yield from buffer.remaining()


def _rows(window: "_Window") -> Iterator[tuple[Any, int]]:
    """Yield the items of an array, or the one object, with their sizes."""
    if window.next_char() != "[":
        body = parse_json(window.everything())
        yield from ((row, 0) for row in (body if isinstance(body, list) else [body]))
        return
    window.skip()
    number = 0
    while (char := window.next_char()) != "]" or number:
        if char == "]":
            break
        if number:
            if char != ",":
                raise ValueError(f"after item {number} comes {char or 'nothing'!r}, expected `,` or `]`")
            window.skip()
        number += 1
        yield window.value(number)
    window.skip()
    if trailing := window.next_char():
        raise ValueError(f"after the array comes {trailing!r}")


class _Window:
    """A window of text that moves forward during reading."""

    def __init__(self, text: TextIOBase) -> None:
        self._source = text
        self._text = ""
        self._at = 0

    def next_char(self) -> str:
        """Return the next character that is not blank; empty at the end."""
        while True:
            if blank := _BLANK.match(self._text, self._at):
                self._at = blank.end()
            if self._at < len(self._text) or not self._read_more(_CHUNK):
                return self._text[self._at : self._at + 1]

    def skip(self) -> None:
        """Continue after that character."""
        self._at += 1

    def everything(self) -> str:
        """Return the rest of the text."""
        while self._read_more(_CHUNK):
            check_record(len(self._text), "the object")
        return self._text[self._at :]

    def value(self, number: int) -> tuple[Any, int]:
        """Return the value that comes next, and its size."""
        self.next_char()
        while True:
            try:
                value, end = decode_at(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._is_cut(error) or not self._read_more(max(_CHUNK, len(self._text) - self._at)):
                    raise ValueError(f"item {number}: {error.msg}") from error
            except ValueError as error:
                raise ValueError(f"item {number}: {error}") from error
            else:
                # A number may continue after the end of the buffer.
                if end < len(self._text) or not self._read_more(_CHUNK):
                    size, self._at = end - self._at, end
                    return value, size
            check_record(len(self._text) - self._at, f"item {number}")

    def _is_cut(self, error: json.JSONDecodeError) -> bool:
        return error.msg.startswith("Unterminated string") or error.pos + _NEAR >= len(self._text)

    def _read_more(self, size: int) -> bool:
        chunk = self._source.read(size)
        self._text = self._text[self._at :] + chunk
        self._at = 0
        return bool(chunk)
