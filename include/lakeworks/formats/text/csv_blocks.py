"""Blocks of CSV records as Arrow columns, where Arrow's parser gives what Python's csv module would give.

Arrow is laxer: it reads `"a"b` as `ab`, drops a byte order mark within the file, and does not count lines. A block of such
a shape, or one that Arrow refuses, is None here. Python's module then reads it, row by row, and names the line of an error.
"""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from lakeworks.formats.options import FormatOptions
from lakeworks.formats.text.text_stream import is_utf8

_RETURN, _END = b"\r\n"
_NO_BYTE = 256
# One byte a character, and the first 128 are ASCII: bytes can be cut before they are decoded.
_BYTEWISE = ("iso8859", "cp125")


def byte_encoding(options: FormatOptions) -> str | None:
    """Return the encoding, if a file with these options can be cut into blocks of bytes."""
    marks = (options.delimiter or ",") + (options.quote or "")
    if not marks.isascii() or len({*marks, "\r", "\n"}) != len(marks) + 2:
        return None
    if is_utf8(options.encoding):
        return "utf-8"
    name = codecs.lookup(options.encoding).name
    return name if name.startswith(_BYTEWISE) else None


@dataclass(frozen=True)
class Block:
    """Whole records as columns of text; `lines` are the lines at which they end."""

    columns: pa.RecordBatch
    lines: Sequence[int]
    size: int  # bytes
    line_count: int


class CsvBlocks:
    """Read blocks of one file, whose columns are known."""

    def __init__(self, names: Sequence[str], options: FormatOptions, encoding: str) -> None:
        self._encoding = encoding
        self._delimiter = ord(options.delimiter or ",")
        self._quote = ord(options.quote) if options.quote else _NO_BYTE
        self._names = list(names)
        self._parse = csv.ParseOptions(
            delimiter=options.delimiter or ",", quote_char=options.quote or False, newlines_in_values=True
        )
        self._convert = csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=["", *options.null_words],
            strings_can_be_null=True,
        )

    def read(self, ahead: bytes, first_line: int, *, is_last: bool) -> Block | None:
        """Return the records at the start of these bytes; None if only Python's module reads them rightly."""
        raw = np.frombuffer(ahead, np.uint8)
        quotes = np.flatnonzero(raw == self._quote)
        size = _whole_records(ahead, quotes, is_last=is_last)
        quotes = quotes[: np.searchsorted(quotes, size)]
        block = ahead[:size]
        if not size or len(quotes) % 2 or not self._is_well_quoted(raw[:size], quotes) or not _is_plain(block):
            return None
        try:
            rows = self._parsed(block)
        except (pa.ArrowException, UnicodeDecodeError):
            return None
        line_count = block.count(b"\n") + (not block.endswith(b"\n"))
        if line_count == len(rows):
            return Block(rows, range(first_line, first_line + line_count), size, line_count)
        lines = _record_ends(raw[:size], quotes) + first_line
        return Block(rows, lines.tolist(), size, line_count) if len(lines) == len(rows) else None

    def _parsed(self, block: bytes) -> pa.RecordBatch:
        text = block if self._encoding == "utf-8" else block.decode(self._encoding).encode()
        # Its values stay text, so one block is one batch; threads would only cut it by columns.
        reading = csv.ReadOptions(use_threads=False, block_size=len(text), column_names=self._names)
        rows = csv.read_csv(pa.BufferReader(text), reading, self._parse, self._convert)
        return pa.RecordBatch.from_arrays([column.combine_chunks() for column in rows.columns], self._names)

    def _is_well_quoted(self, raw: Any, quotes: Any) -> bool:
        """Return whether every quote begins a field, ends one, or is one of a pair inside of one."""
        begins, ends = quotes[0::2], quotes[1::2]
        before, after = raw[begins[begins > 0] - 1], raw[ends[ends + 1 < len(raw)] + 1]
        return bool(
            np.isin(before, (self._delimiter, _END, self._quote)).all()
            and np.isin(after, (self._delimiter, _END, _RETURN, self._quote)).all()
        )


def _whole_records(ahead: bytes, quotes: Any, *, is_last: bool) -> int:
    """Return the size of the whole records; 0 if a field in quotes goes on beyond these bytes."""
    if is_last:
        return len(ahead)
    size = ahead.rfind(b"\n") + 1
    while size and (count := int(np.searchsorted(quotes, size))) % 2:
        size = ahead.rfind(b"\n", 0, quotes[count - 1]) + 1
    return size


def _is_plain(block: bytes) -> bool:
    has_lone_return = b"\r" in block and block.count(b"\r") != block.count(b"\r\n")
    return not has_lone_return and not block.startswith(b"\xef\xbb\xbf")


def _record_ends(raw: Any, quotes: Any) -> Any:
    """Return the numbers of the lines, from 0, at which a record ends; empty lines are none."""
    ends = np.flatnonzero(raw == _END)
    if raw[-1] != _END:
        ends = np.append(ends, len(raw))
    numbers = np.flatnonzero(np.searchsorted(quotes, ends) % 2 == 0)
    ends = ends[numbers]
    starts = np.concatenate(([0], ends[:-1] + 1))
    sizes = ends - starts
    is_empty = (sizes == 0) | ((sizes == 1) & (raw[starts] == _RETURN))
    return numbers[~is_empty]
