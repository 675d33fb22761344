"""CSV and TSV: every value is text, an empty field is null; every line has as many fields as the header."""

import csv
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from lakeworks.formats.limits import BATCH_BYTES, BATCH_CELLS, BATCH_ROWS, RECORD_BYTES, check_columns
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.raw_batch import RawBatch
from lakeworks.formats.text.text_stream import lines_of, text_of

# A field may be as long as a record; the csv module's own limit is 128 KiB.
csv.field_size_limit(RECORD_BYTES)


def read(stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:
    """Read a CSV file; see `Format.read`."""
    yield from read_text(text_of(stream, options.encoding), options)


def read_tabs(stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:
    """Read a file whose fields are separated by tabs; see `Format.read`."""
    tabs = options if options.delimiter else options.model_copy(update={"delimiter": "\t"})
    yield from read_text(text_of(stream, options.encoding), tabs)


def read_text(text: io.TextIOBase, options: FormatOptions | None = None) -> Iterator[RawBatch]:
    """Read CSV from text.

    Raises:
        ValueError: the header does not name every column once, or a line has more or fewer fields than the header.
    """
    options = options or FormatOptions()
    source = lines_of(text)
    for _ in range(options.skip_lines):
        next(source, "")
    lines = csv.reader(source, strict=True, **_dialect(options))
    try:
        names = next(lines, []) if options.header else list(options.columns)
        check_columns(len(names))
        if not names or len({*names}) != len(names) or "" in names:
            raise ValueError(f"line {options.skip_lines + 1} must name every column once; it is {names[:20]}")
        yield batch_of(names, [], [], options)
        yield from _batches(lines, names, options)
    except csv.Error as error:
        raise ValueError(f"line {options.skip_lines + lines.line_num}: {error}") from error
    except UnicodeDecodeError as error:
        # The bytes of the error begin after the last line that was read.
        number = options.skip_lines + lines.line_num + 1 + _line_ends(error.object[: error.start])
        raise ValueError(
            f"line {number} is not {options.encoding.upper()} ({error.reason}); `encoding` in source_options names another one"
        ) from error


def _line_ends(content: bytes) -> int:
    return content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")


def _batches(lines: Any, names: list[str], options: FormatOptions) -> Iterator[RawBatch]:
    most = max(min(BATCH_ROWS, BATCH_CELLS // len(names)), 1)
    rows: list[list[str]] = []
    numbers: list[int] = []
    size = 0
    for line in lines:
        if not line:
            continue
        if len(line) != len(names):
            number = options.skip_lines + lines.line_num
            raise ValueError(f"line {number} has {len(line)} fields, the header {len(names)}")
        rows.append(line)
        numbers.append(options.skip_lines + lines.line_num)
        size += sum(map(len, line))
        if len(rows) == most or size >= BATCH_BYTES:
            yield batch_of(names, rows, numbers, options)
            rows, numbers, size = [], [], 0
    if rows:
        yield batch_of(names, rows, numbers, options)


def _dialect(options: FormatOptions) -> dict[str, Any]:
    quoting = {"quotechar": options.quote} if options.quote else {"quoting": csv.QUOTE_NONE}
    return {"delimiter": options.delimiter or ",", **quoting}


def batch_of(names: list[str], rows: list[list[str]], numbers: list[int], options: FormatOptions) -> RawBatch:
    """Return rows of text as a batch."""
    import pyarrow as pa

    missing = {"", *options.null_words}
    values = zip(*rows, strict=True) if rows else ([] for _ in names)
    columns = {
        name: pa.array([None if item in missing else item for item in column], pa.string())
        for name, column in zip(names, values, strict=True)
    }
    return RawBatch(columns, len(rows), lines=numbers, is_text=True, decimal_comma=options.decimal_comma)
