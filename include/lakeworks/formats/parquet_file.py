"""Parquet: columns with types of their own."""

from collections.abc import Iterator
from typing import BinaryIO

from lakeworks.formats.protocols import FormatOptions
from lakeworks.formats.raw_batch import RawBatch, from_arrow

_ROWS = 100_000


def read(stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:  # noqa: ARG001 - every format has them
    """Read a Parquet file row group by row group; see `Format.read`. A batch without rows tells the columns first."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(pa.PythonFile(stream, mode="r")) as file:
        yield from_arrow(pa.RecordBatch.from_pylist([], schema=file.schema_arrow))
        first = 1
        for batch in file.iter_batches(_ROWS):
            yield from_arrow(batch, first)
            first += len(batch)
