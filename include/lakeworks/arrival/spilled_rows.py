"""Converted rows on disk. They wait there until every file of the period was read and all extra columns are known."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakeworks.errors import ScratchUnavailable

_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class SpilledRows:
    """Batches in arrival order. Consecutive batches with one schema share a file."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._files: list[tuple[Path, str]] = []
        self._schema: pa.Schema | None = None
        self._sink: pa.NativeFile | None = None
        self._writer: Any = None

    def add(self, batch: pa.RecordBatch, name: str) -> None:
        """Take a batch; `name` is the file its rows came from.

        Raises:
            ScratchUnavailable: the disk is full.
        """
        try:
            self._add(batch, name)
        except OSError as error:
            raise ScratchUnavailable(
                f"`{self._scratch}` cannot be written: {error.strerror or error}. Nothing was staged; live data is "
                "unchanged. Free space in LAKE_SCRATCH_DIR or name another folder; Airflow retries."
            ) from error

    def _add(self, batch: pa.RecordBatch, name: str) -> None:
        known = (self._files[-1][1], self._schema) if self._files else None
        if known is None or known[0] != name or not batch.schema.equals(known[1], check_metadata=True):
            self.close()
            path = self._scratch / f"rows-{len(self._files):06d}.arrows"
            self._sink = pa.OSFile(str(path), "wb")
            self._writer = pa.ipc.new_stream(self._sink, batch.schema, options=_OPTIONS)
            self._files.append((path, name))
            self._schema = batch.schema
        self._writer.write_batch(batch)

    def close(self) -> None:
        """Finish the file being written."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._sink is not None:
            self._sink.close()
            self._sink = None

    def batches(self) -> Iterator[tuple[pa.RecordBatch, str]]:
        """Return the batches, each with the name of its file; a file read to its end is removed."""
        self.close()
        for path, name in self._files:
            with pa.OSFile(str(path), "rb") as file, pa.ipc.open_stream(file) as reader:
                for batch in reader:
                    yield batch, name
            path.unlink()
