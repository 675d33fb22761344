"""CSV and TSV: every value is text, an empty field is null; every line has as many fields as the header."""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from lakeworks.formats.limits import BATCH_BYTES, BATCH_CELLS, BATCH_ROWS, RECORD_BYTES, check_columns
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.raw_batch import RawBatch
from lakeworks.formats.text.byte_lines import ByteLines
from lakeworks.formats.text.text_stream import lines_of, text_of

# A field may be as long as a record; the csv module's own limit is 128 KiB.
csv.field_size_limit(RECORD_BYTES)


def read(stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:
    """Read a CSV file; see `Format.read`."""
    from lakeworks.formats.text.csv_blocks import byte_encoding

    encoding = byte_encoding(options)
    if encoding is None:
        yield from read_text(text_of(stream, options.encoding), options)
    else:
        yield from _read_blocks(ByteLines(stream, encoding), options, encoding)


def read_tabs(stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:
    """Read a file whose fields are separated by tabs; see `Format.read`."""
    tabs = options if options.delimiter else options.model_copy(update={"delimiter": "\t"})
    yield from read(stream, tabs)


def read_text(text: io.TextIOBase, options: FormatOptions | None = None) -> Iterator[RawBatch]:
    """Read CSV from text.

    Raises:
        ValueError: the header does not name every column once, or a line has more or fewer fields than the header.
    """
    options = options or FormatOptions()
    records = _Records(lines_of(text), options)
    yield batch_of(records.names, [], [], options)
    yield from records.batches()


def _read_blocks(source: ByteLines, options: FormatOptions, encoding: str) -> Iterator[RawBatch]:
    """Read blocks by Arrow; rows of a block that needs Python's module are read by it."""
    from lakeworks.formats.text.csv_blocks import CsvBlocks

    records = _Records(source.text_lines(), options)
    yield batch_of(records.names, [], [], options)
    blocks = CsvBlocks(records.names, options, encoding)
    while ahead := source.ahead():
        block = blocks.read(ahead, records.line + 1, is_last=source.ended)
        if block is None:
            end = source.taken + len(ahead)
            yield from records.batches(lambda end=end: source.taken < end)  # type: ignore[misc]
            continue
        source.take(block.size, block.line_count)
        records.line_offset += block.line_count
        for start in range(0, len(block.lines), BATCH_ROWS):
            piece = block.columns.slice(start, BATCH_ROWS)
            columns = dict(zip(records.names, piece.columns, strict=True))
            lines = block.lines[start : start + BATCH_ROWS]
            yield RawBatch(columns, len(piece), lines=lines, is_text=True, decimal_comma=options.decimal_comma)


class _Records:
    """Records of lines, by Python's csv module; the first one names the columns."""

    def __init__(self, lines: Iterator[str], options: FormatOptions) -> None:
        self._options = options
        self.line_offset = 0
        self._reader = csv.reader(lines, strict=True, **_dialect(options))
        with self._errors():
            for _ in range(options.skip_lines):
                next(lines, "")
                self.line_offset += 1
            self.names = next(self._reader, []) if options.header else list(options.columns)
            check_columns(len(self.names))
        if not self.names or len({*self.names}) != len(self.names) or "" in self.names:
            raise ValueError(f"line {options.skip_lines + 1} must name every column once; it is {self.names[:20]}")

    @property
    def line(self) -> int:
        """Number of the line that was read last."""
        return self.line_offset + int(self._reader.line_num)

    def batches(self, goes_on: Callable[[], bool] = lambda: True) -> Iterator[RawBatch]:
        """Yield records as batches, to the end or until the condition is false after one of them.

        Raises:
            ValueError: a line is no record, or has more or fewer fields than the header.
        """
        most = max(min(BATCH_ROWS, BATCH_CELLS // len(self.names)), 1)
        rows: list[list[str]] = []
        numbers: list[int] = []
        size = 0
        for fields in self._records(goes_on):
            rows.append(fields)
            numbers.append(self.line)
            size += sum(map(len, fields))
            if len(rows) == most or size >= BATCH_BYTES:
                yield batch_of(self.names, rows, numbers, self._options)
                rows, numbers, size = [], [], 0
        if rows:
            yield batch_of(self.names, rows, numbers, self._options)

    def _records(self, goes_on: Callable[[], bool]) -> Iterator[list[str]]:
        with self._errors():
            while goes_on() and (fields := next(self._reader, None)) is not None:
                if not fields:
                    continue
                if len(fields) != len(self.names):
                    raise ValueError(f"line {self.line} has {len(fields)} fields, the header {len(self.names)}")
                yield fields

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn an error of a line into one that names it."""
        try:
            yield
        except csv.Error as error:
            raise ValueError(f"line {self.line}: {error}") from error
        except UnicodeDecodeError as error:
            # The bytes of the error begin after the last line that was read.
            number = self.line + 1 + _line_ends(error.object[: error.start])
            raise ValueError(
                f"line {number} is not {self._options.encoding.upper()} ({error.reason}); `encoding` in source_options "
                "names another one"
            ) from error


def _line_ends(content: bytes) -> int:
    return content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")


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
