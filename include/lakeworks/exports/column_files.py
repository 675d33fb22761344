"""Parquet and ORC: columns in their own types, row group by row group."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.errors import ContractError
from lakeworks.exports.encoding import BatchWriter, Encoding

_ROW_GROUP = 100_000
# Readers of ORC use 64-bit nanoseconds for timestamps.
_ORC_LAST_US = (2**63 - 1) // 1000


@contextmanager
def encode(stream: BinaryIO, schema: pa.Schema, encoding: Encoding) -> Iterator[BatchWriter]:
    """Write columns; rows wait until a row group is full.

    Raises:
        ContractError: ORC cannot hold a moment.
    """
    waiting, count = list[pa.RecordBatch](), 0
    with _writer(stream, schema, encoding.format) as writer:

        def flush() -> None:
            nonlocal count
            writer.write(pa.Table.from_batches(waiting, schema))
            waiting.clear()
            count = 0

        def write(batch: pa.RecordBatch) -> None:
            nonlocal count
            if encoding.format == "orc":
                _check_moments(batch)
            waiting.append(batch)
            count += batch.num_rows
            if count >= _ROW_GROUP:
                flush()

        yield write
        flush()


def _writer(stream: BinaryIO, schema: pa.Schema, name: str) -> "pa.orc.ORCWriter | pa.parquet.ParquetWriter":
    sink = pa.PythonFile(stream, mode="w")
    if name == "orc":
        from pyarrow import orc

        return orc.ORCWriter(sink, compression="zstd")
    from pyarrow import parquet

    return parquet.ParquetWriter(sink, schema, compression="zstd")


def _check_moments(batch: pa.RecordBatch) -> None:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if not pa.types.is_timestamp(column.type):
            continue
        farthest = pc.max(pc.abs(column.cast(pa.int64()))).as_py()
        if farthest is not None and farthest > _ORC_LAST_US:
            raise ContractError(
                f"`{name}` has a moment before 1677 or after 2262, which readers of ORC cannot represent. Nothing was "
                "exported. Export parquet, avro, csv or jsonl."
            )
