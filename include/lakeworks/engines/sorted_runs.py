"""Sorted runs on disk, and their merge: rows beyond memory in one order, batch by batch."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.core.scratch import is_scratch_fault, unwritable

# A merge holds one batch of every run.
_BATCH_BYTES = 1 << 20
_MOST_RUNS = 64
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")

SortKeys = Callable[[pa.RecordBatch], pa.Array]


class SortedRuns:
    """Runs of rows. Each row has a key as its last column: bytes that sort as the rows do, and that no other row has."""

    def __init__(self, folder: Path, batch_bytes: int = _BATCH_BYTES) -> None:
        self._folder = folder
        self._batch_bytes = batch_bytes
        self._paths: list[Path] = []
        self._written = 0

    @property
    def count(self) -> int:
        """Return the number of runs."""
        return len(self._paths)

    def add(self, run: Iterable[pa.RecordBatch], keys: SortKeys) -> None:
        """Store a sorted run; `keys` gives the key of each row.

        Raises:
            ScratchUnavailable: the disk is full.
        """
        self._paths.append(self._write(_keyed(batch, keys(batch)) for batch in run))

    def merged(self) -> Iterator[pa.RecordBatch]:
        """Return all rows in order, each with its key. A run that was read to its end is removed.

        Raises:
            ScratchUnavailable: the disk is full.
        """
        while len(self._paths) > _MOST_RUNS:
            groups = [self._paths[start : start + _MOST_RUNS] for start in range(0, len(self._paths), _MOST_RUNS)]
            self._paths = [self._write(_merged(group)) for group in groups]
        yield from _merged(self._paths)

    def _write(self, rows: Iterator[pa.RecordBatch]) -> Path:
        path = self._folder / f"run-{self._written:06d}.arrows"
        self._written += 1
        first = next(rows)
        try:
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, first.schema, options=_OPTIONS) as out:
                for batch in chain([first], rows):
                    for piece in _pieces(batch, self._batch_bytes):
                        out.write_batch(piece)
        except OSError as error:
            if not is_scratch_fault(error, self._folder):
                raise
            raise unwritable(self._folder, error) from error
        return path


class _Run:
    """A run that is read: the rest of its current batch, None at its end."""

    def __init__(self, path: Path) -> None:
        self._batches = _read(path)
        self.batch = next(self._batches, None)

    @property
    def last_key(self) -> bytes:
        """Return the greatest key of the current batch."""
        assert self.batch is not None  # noqa: S101 - a run without rows is no run
        key: bytes = self.batch.columns[-1][-1].as_py()
        return key

    def take(self, bound: bytes) -> pa.RecordBatch:
        """Remove and return the rows of the current batch up to a key."""
        assert self.batch is not None  # noqa: S101
        count = pc.sum(pc.less_equal(self.batch.columns[-1], bound)).as_py()
        taken, rest = self.batch.slice(0, count), self.batch.slice(count)
        self.batch = rest if len(rest) else next(self._batches, None)
        return taken


def _keyed(batch: pa.RecordBatch, keys: pa.Array) -> pa.RecordBatch:
    schema = batch.schema.append(pa.field("", pa.large_binary()))
    return pa.RecordBatch.from_arrays([*batch.columns, keys.cast(pa.large_binary())], schema=schema)


def _pieces(batch: pa.RecordBatch, size: int) -> Iterator[pa.RecordBatch]:
    """Cut a batch into pieces of about so many bytes."""
    rows = max(1, len(batch) * size // max(batch.nbytes, 1))
    for start in range(0, len(batch), rows):
        yield batch.slice(start, rows)


def _read(path: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_stream(file) as rows:
        yield from rows
    path.unlink()


def _merged(paths: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    """Merge runs. Rows up to the least of the last keys are in memory, so they can be sorted and passed on."""
    runs = [run for path in paths if (run := _Run(path)).batch is not None]
    while runs:
        bound = min(run.last_key for run in runs)
        taken = [rows for run in runs if len(rows := run.take(bound))]
        runs = [run for run in runs if run.batch is not None]
        rows = pa.concat_batches(taken)
        yield rows if len(taken) == 1 else rows.take(pc.sort_indices(rows.columns[-1]))
