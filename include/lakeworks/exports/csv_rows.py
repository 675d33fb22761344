"""CSV: a null is an empty field, empty text is `""`. Numbers have all their digits, nested values are JSON."""

import gzip
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from lakeworks.exports.encoding import BatchWriter, Encoding
from lakeworks.formats.text.arrow_json import as_text

# Starts of text that a spreadsheet runs as a formula or command, also after a quote that it strips.
_FORMULA = r"^[=+\-@\t\r]"


@contextmanager
def encode(stream: BinaryIO, schema: pa.Schema, encoding: Encoding) -> Iterator[BatchWriter]:
    """Write CSV with a header."""
    written = pa.schema([pa.field(_safe_name(field.name, encoding), _written_type(field.type)) for field in schema])
    with ExitStack() as open_files:
        out: BinaryIO = stream
        if encoding.format.endswith(".gz"):
            out = open_files.enter_context(gzip.GzipFile("", "wb", fileobj=stream, mtime=0))  # type: ignore[assignment]
        writer = open_files.enter_context(csv.CSVWriter(pa.PythonFile(out, mode="w"), written))

        def write(batch: pa.RecordBatch) -> None:
            columns = [_column(column, encoding) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=written))

        yield write


def _written_type(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_nested(kind) or pa.types.is_binary(kind) else kind


def _column(column: pa.Array, encoding: Encoding) -> pa.Array:
    kind = column.type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        column = pa.array(as_text(column), pa.string())
    if not encoding.spreadsheet_safe or not pa.types.is_string(column.type):
        return column
    return pc.if_else(
        pc.fill_null(pc.match_substring_regex(column, _FORMULA), fill_value=False),
        pc.binary_join_element_wise("'", column, ""),
        column,
    )


def _safe_name(name: str, encoding: Encoding) -> str:
    return f"'{name}" if encoding.spreadsheet_safe and name[:1] in "=+-@\t\r" else name
