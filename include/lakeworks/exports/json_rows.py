"""JSON Lines: one object per row. Decimals are text and integers numbers, so that no digit is lost; times are ISO 8601, UTC."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import BinaryIO

import pyarrow as pa

from lakeworks.exports.encoding import BatchWriter, Encoding
from lakeworks.formats.text.arrow_json import plain


@contextmanager
def encode(stream: BinaryIO, schema: pa.Schema, encoding: Encoding) -> Iterator[BatchWriter]:
    """Write an object a line."""
    packed = encoding.format.endswith(".gz")
    with gzip.GzipFile("", "wb", fileobj=stream, mtime=0) if packed else nullcontext(stream) as out:
        names = [json.dumps(name, ensure_ascii=False) for name in schema.names]

        def write(batch: pa.RecordBatch) -> None:
            columns = [[json.dumps(value, ensure_ascii=False) for value in plain(column)] for column in batch.columns]
            rows = zip(*columns, strict=True)
            lines = (", ".join(f"{name}: {cell}" for name, cell in zip(names, row, strict=True)) for row in rows)
            out.write("".join(f"{{{line}}}\n" for line in lines).encode())

        yield write
