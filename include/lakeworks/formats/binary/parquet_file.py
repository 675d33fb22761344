"""Parquet: typed columns, as polars, Spark, Impala, pandas and DuckDB write them."""

from collections.abc import Iterator
from typing import BinaryIO

from lakeworks.formats.binary.arrow_types import lake_columns
from lakeworks.formats.limits import BATCH_ROWS
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.raw_batch import RawBatch, from_arrow


def read(stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:
    """Read a Parquet file row group by row group; see `Format.read`. The first batch has the columns and no rows.

    INT96 timestamps, which are nanoseconds by definition, are read as microseconds: Spark and Impala write no finer ones.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(pa.PythonFile(stream, mode="r"), coerce_int96_timestamp_unit="us") as file:
        yield from_arrow(lake_columns(pa.RecordBatch.from_pylist([], schema=file.schema_arrow), options))
        first = 1
        for batch in file.iter_batches(BATCH_ROWS):
            yield from_arrow(lake_columns(batch, options), first)
            first += len(batch)
