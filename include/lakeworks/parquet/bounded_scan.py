"""Bounded scans of many objects: read ahead enough to hide latency, but never more than a fixed number of rows.

Arrow's own scan fills a queue of up to a gigabyte if its reader is slower, such as an engine that sorts and spills.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from lakeworks.parquet.case_insensitive_scan import file_schema, refuse_other_types, scan_matching_names

# Rows decoded ahead of the reader; at least one row group, at most this many objects.
_ROWS_AHEAD = 1_000_000
_MOST_OBJECTS = 16


class BoundedDataset(ds.FileSystemDataset):  # type: ignore[misc]
    """Arrow dataset whose scans stream object by object, or row group by row group in large objects.

    DuckDB asks for `scanner(columns=…, filter=…).to_reader()`; Arrow's own scanner does everything else.
    """

    def __init__(
        self,
        fragments: Sequence[ds.Fragment],
        schema: pa.Schema,
        form: ds.FileFormat,
        largest: int,
        name: str = "dataset",
    ) -> None:
        """Take the row count of the `largest` object, and the `name` for messages."""
        super().__init__(fragments, schema, form)
        self.largest = max(largest, 1)
        self.name = name

    def scanner(self, **options: Any) -> "BoundedScan":
        """Return a scan with Arrow's own options."""
        return BoundedScan(self, super().scanner(**options), options)

    @property
    def objects_ahead(self) -> int:
        """Return the number of objects to fetch at once; for large objects, of row groups."""
        return max(2, min(_MOST_OBJECTS, _ROWS_AHEAD // self.largest))

    def pieces(self, condition: ds.Expression | None) -> Iterator[ds.Fragment]:
        """Yield the pieces to fetch. Skip those that statistics and partitions rule out."""
        for fragment in self.get_fragments(condition):
            if self.largest > _ROWS_AHEAD // 2:
                yield from fragment.split_by_row_group(condition, self.schema)
            else:
                yield fragment


class BoundedScan:
    """One scan that reads rows piece by piece within the bound."""

    def __init__(self, dataset: BoundedDataset, scanner: ds.Scanner, options: dict[str, Any]) -> None:
        self.dataset = dataset
        self.scanner = scanner
        self.options = options

    def __getattr__(self, name: str) -> Any:
        return getattr(self.scanner, name)

    def to_reader(self) -> pa.RecordBatchReader:
        """Return a reader of the rows, in the order of the objects."""
        return pa.RecordBatchReader.from_batches(self.scanner.projected_schema, self._batches())

    def to_table(self) -> pa.Table:
        """All rows."""
        return self.to_reader().read_all()

    def to_batches(self) -> Iterator[pa.RecordBatch]:
        """The rows batch by batch."""
        return self._batches()

    def count_rows(self) -> int:
        """Return the number of rows; without a filter from metadata alone."""
        if self.options.get("filter") is None:
            return int(self.scanner.count_rows())
        return sum(batch.num_rows for batch in self._batches())

    def head(self, num_rows: int) -> pa.Table:
        """The first rows."""
        batches, left = list[pa.RecordBatch](), num_rows
        for batch in self._batches() if left > 0 else ():
            batches.append(batch.slice(0, left))
            left -= batches[-1].num_rows
            if left <= 0:
                break
        return pa.Table.from_batches(batches, self.scanner.projected_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        ahead = self.dataset.objects_ahead
        with ThreadPoolExecutor(ahead) as pool:
            flying: deque[Future[Sequence[pa.RecordBatch]]] = deque()
            try:
                for piece in self.dataset.pieces(self.options.get("filter")):
                    flying.append(pool.submit(self._read, piece))
                    if len(flying) == ahead:
                        yield from flying.popleft().result()
                while flying:
                    yield from flying.popleft().result()
            finally:  # a reader that stops early
                for future in flying:
                    future.cancel()

    def _read(self, piece: ds.Fragment) -> Sequence[pa.RecordBatch]:
        schema = self.dataset.schema
        file = file_schema(schema, piece.physical_schema)  # of the piece being read; its metadata is fetched once
        try:
            if file.equals(schema):
                rows = piece.to_table(schema=schema, **self.options)
            else:
                rows = scan_matching_names(piece, schema, file, self.options)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
            refuse_other_types(self.dataset.name, piece, file, error)
            raise
        return list(rows.to_batches())
