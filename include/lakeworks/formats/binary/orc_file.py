"""ORC: typed columns, stripe by stripe. Its timestamps have nanoseconds by definition; here they become microseconds."""

from collections.abc import Iterator
from typing import BinaryIO

from lakeworks.formats.binary.arrow_types import lake_columns
from lakeworks.formats.limits import BATCH_ROWS
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.raw_batch import RawBatch, from_arrow


def read(stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:
    """Read an ORC file; see `Format.read`. The first batch has the columns and no rows."""
    import pyarrow as pa
    from pyarrow import orc

    file = orc.ORCFile(pa.PythonFile(stream, mode="r"))
    yield from_arrow(lake_columns(pa.RecordBatch.from_pylist([], schema=file.schema), options, always_us=True))
    first = 1
    for number in range(file.nstripes):
        stripe = file.read_stripe(number)
        for start in range(0, len(stripe), BATCH_ROWS):
            batch = stripe.slice(start, BATCH_ROWS)
            yield from_arrow(lake_columns(batch, options, always_us=True), first)
            first += len(batch)
