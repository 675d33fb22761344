"""CSV: every value is text, an empty field is null; every line has as many fields as the header."""

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

from lakeworks.formats.protocols import FormatOptions
from lakeworks.formats.raw_batch import BATCH_ROWS, RawBatch
from lakeworks.formats.text_stream import text_of

# A field may be as long as the file; the csv module's own limit is 128 KiB.
csv.field_size_limit(1 << 30)


def read(stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:  # noqa: ARG001 - every format has them
    """Read a CSV file; see `Format.read`."""
    yield from read_text(text_of(stream))


def read_text(text: io.TextIOBase) -> Iterator[RawBatch]:
    """Read CSV from text.

    Raises:
        ValueError: the header does not name every column once, or a line has more or fewer fields than the header.
    """
    lines = csv.reader(text, strict=True)
    try:
        names = next(lines, [])
        if not names or len({*names}) != len(names) or "" in names:
            raise ValueError(f"line 1 must name every column once; it is {names}")
        yield _batch(names, [], [])
        rows: list[list[str]] = []
        numbers: list[int] = []
        for line in lines:
            if not line:
                continue
            if len(line) != len(names):
                raise ValueError(f"line {lines.line_num} has {len(line)} fields, the header {len(names)}")
            rows.append(line)
            numbers.append(lines.line_num)
            if len(rows) == BATCH_ROWS:
                yield _batch(names, rows, numbers)
                rows, numbers = [], []
        if rows:
            yield _batch(names, rows, numbers)
    except csv.Error as error:
        raise ValueError(f"line {lines.line_num}: {error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 after line {lines.line_num} ({error.reason})") from error


def _batch(names: list[str], rows: list[list[str]], numbers: list[int]) -> RawBatch:
    import pyarrow as pa

    values = zip(*rows, strict=True) if rows else ([] for _ in names)
    columns = {
        name: pa.array([item or None for item in column], pa.string())
        for name, column in zip(names, values, strict=True)
    }
    return RawBatch(columns, len(rows), lines=numbers, is_text=True)
