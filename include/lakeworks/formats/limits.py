"""Limits on a worker's memory and reads for one file: plain bytes, one record, columns, one batch.

They count bytes after decompression. Files of any number of rows are read in batches, so only these bound the memory.
"""

import io
from typing import BinaryIO, cast

# Plain bytes of one file; a gzip file of 64 MiB can hold a thousand times as much.
FILE_BYTES = 64 << 30
# One line, one JSON object, one CSV field.
RECORD_BYTES = 64 << 20
COLUMNS = 5_000
BATCH_ROWS = 10_000
BATCH_BYTES = 16 << 20
# Python values of one batch: sparse objects have many columns with few values.
BATCH_CELLS = 2_000_000


class _Counted(io.RawIOBase):
    """The plain bytes of a compressed stream; more than the limit are not read."""

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        self._stream = stream
        self._left = limit
        self._limit = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        block = self._stream.read(len(buffer))
        self._left -= len(block)
        if self._left < 0:
            raise ValueError(f"it has more than {self._limit} bytes once it is decompressed; cut it into several files")
        buffer[: len(block)] = block
        return len(block)


def counted(stream: BinaryIO, limit: int = FILE_BYTES) -> BinaryIO:
    """Return a stream that ends in a ValueError beyond so many bytes."""
    return cast(BinaryIO, io.BufferedReader(_Counted(stream, limit), 1 << 18))


def check_columns(count: int) -> None:
    """Refuse a file with too many columns.

    Raises:
        ValueError: it has.
    """
    if count > COLUMNS:
        raise ValueError(
            f"it has {count} columns, and a file may have {COLUMNS}; check that rows and columns are not swapped"
        )


def check_record(size: int, what: str) -> None:
    """Refuse one record that is too large to be held.

    Raises:
        ValueError: it is; `what` names it.
    """
    if size > RECORD_BYTES:
        raise ValueError(f"{what} has more than {RECORD_BYTES} bytes without an end")
