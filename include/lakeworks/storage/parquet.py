"""One Parquet object, encoded so that the same rows always give the same bytes."""

import hashlib
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakeworks.contract import Storage


class ParquetPart:
    """Collects the rows of one object; more than a row group of them go to a scratch file, so memory stays bounded.

    Row groups are cut by row count alone: how the stream was batched does not show in the bytes.
    """

    def __init__(self, schema: pa.Schema, storage: Storage, scratch: Path) -> None:
        self.schema = schema
        self.storage = storage
        self.scratch = scratch
        self.rows = 0
        self.path: Path | None = None
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._writer: pq.ParquetWriter | None = None
        self._sink: pa.NativeFile | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows; full row groups are written out at once."""
        while batch.num_rows:
            batch = self.take(batch)

    def take(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Take rows up to the end of the row group, which is then written out; returns the rest."""
        piece = batch.slice(0, self.storage.row_group_rows - self._pending_rows)
        self._pending.append(piece)
        self._pending_rows += piece.num_rows
        self.rows += piece.num_rows
        if self._pending_rows == self.storage.row_group_rows:
            self._flush()
        return batch.slice(piece.num_rows)

    @property
    def encoded_bytes(self) -> int:
        """Bytes of the row groups written out so far; depends on the rows alone, not on how they were batched."""
        return 0 if self._sink is None else int(self._sink.tell())

    def finish(self) -> "bytes | Path":
        """Encode what is left: bytes for an object of one row group, otherwise the path of the scratch file."""
        if self.path is None:
            sink = pa.BufferOutputStream()
            with self._open(sink) as writer:
                self._write(writer)
            return bytes(sink.getvalue().to_pybytes())
        if self._pending:
            self._flush()
        self._close()
        return self.path

    def discard(self) -> None:
        """Remove the scratch file."""
        self._close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._writer is not None and self._sink is not None:
            self._writer.close()
            self._sink.close()

    def _flush(self) -> None:
        if self._writer is None:
            with NamedTemporaryFile(dir=self.scratch, suffix=".parquet", delete=False) as file:
                self.path = Path(file.name)
            self._sink = pa.OSFile(str(self.path), "wb")
            self._writer = self._open(self._sink)
        self._write(self._writer)

    def _write(self, writer: pq.ParquetWriter) -> None:
        table = pa.Table.from_batches(self._pending, self.schema).combine_chunks()
        writer.write_table(table, row_group_size=self.storage.row_group_rows)
        self._pending, self._pending_rows = [], 0

    def _open(self, sink: Any) -> pq.ParquetWriter:
        """Settings every reader of the lake understands: format 2.6, data page 1.0, microsecond timestamps."""
        level = 3 if self.storage.compression == "zstd" else None
        return pq.ParquetWriter(
            sink,
            self.schema,
            version="2.6",
            data_page_version="1.0",
            compression=self.storage.compression,
            compression_level=self.storage.compression_level or level,
            write_statistics=True,
            store_schema=True,
        )


def sha256_of(content: "bytes | Path") -> str:
    """The hex digest of bytes or of a file."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
