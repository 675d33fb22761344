"""Sort of received rows into publishing order: the writer needs contiguous partitions, readers want files sorted by grain.

Rows that fit in a run are one sort of the engine. More rows become sorted runs on disk, which are merged. So memory depends
on the engine's limit and not on the rows.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa

from lakeworks.contract import Contract
from lakeworks.core.scratch import scratch_folder
from lakeworks.engines.build_sql import publishable, publishing_order, quoted
from lakeworks.engines.duckdb import DuckDbEngine, DuckDbSession
from lakeworks.engines.sorted_runs import SortedRuns

_RECEIVED = "_received"
# The engine's sort holds two to three times a run, and a merge holds its own batches beside it.
_SHARE_OF_LIMIT = 8


def has_order(contract: Contract) -> bool:
    """Return True if received rows must be sorted. One partition without grain or `sort_by` keeps the order of arrival."""
    return bool(contract.grain or contract.storage.sort_by) or any(item.column for item in contract.partition_by)


@contextmanager
def sorted_for_publishing(
    engine: DuckDbEngine, contract: Contract, rows: pa.RecordBatchReader, run_bytes: int | None = None
) -> Iterator[pa.RecordBatchReader]:
    """Yield one reader of the rows in publishing order. A sort that spills to disk reads them once.

    More rows than `run_bytes` are sorted in runs; without it, than an eighth of the engine's memory.

    Raises:
        LakeError: what reading the rows raises comes through as it is.
    """
    if not has_order(contract):
        yield rows
        return
    place = _free_name("_place", rows.schema.names)
    with scratch_folder(engine.scratch) as folder, ExitStack() as closing:
        session = closing.enter_context(engine.session())
        arriving = _Arriving(rows, place, run_bytes or session.memory_limit() // _SHARE_OF_LIMIT)
        sort = _Sort(contract, session, arriving, SortedRuns(folder), rows.schema.names)
        # The engine's memory is free before the merge begins.
        yield pa.RecordBatchReader.from_batches(rows.schema, sort.rows(closing.close))


@dataclass
class _Sort:
    """One table's rows on their way through the engine, and its runs."""

    contract: Contract
    session: DuckDbSession
    arriving: "_Arriving"
    runs: SortedRuns
    names: list[str]

    def rows(self, close_engine: Callable[[], None]) -> Iterator[pa.RecordBatch]:
        try:
            while not self.arriving.ended:
                run = self._sorted()
                if self.runs.count or not self.arriving.ended:
                    self.runs.add(run, lambda batch: self.session.sort_keys(batch, self._order))
                else:
                    yield from (batch.select(self.names) for batch in run)
            close_engine()
            yield from (batch.select(self.names) for batch in self.runs.merged())
        except Exception:
            # The engine rewords an input's error; the log's reader needs the input's own error.
            if self.arriving.failure is not None:
                raise self.arriving.failure from None
            raise

    @property
    def _order(self) -> list[str]:
        # Rows with equal keys keep their arrival order, so that another run gives the same bytes.
        return [*publishing_order(self.contract), quoted(self.arriving.place)]

    def _sorted(self) -> Iterator[pa.RecordBatch]:
        """Return the rows of the next run in order. The engine has read all of them before this returns."""
        source = f"{_RECEIVED}_{self.runs.count}"
        self.session.attach(source, self.arriving.run())
        batches = self.session.stream(self._statement(source), self.arriving.schema)
        first = next(batches, None)
        return batches if first is None else chain([first], batches)

    def _statement(self, source: str) -> str:
        columns = ", ".join(f"{self._value(name)} AS {quoted(name)}" for name in self.names)
        place = quoted(self.arriving.place)
        return f"SELECT * FROM (SELECT {columns}, {place} FROM {source}) ORDER BY {', '.join(self._order)}"

    def _value(self, name: str) -> str:
        return publishable(self.contract, name, quoted(name)) if name in self.contract.columns else quoted(name)


def _free_name(preferred: str, taken: list[str]) -> str:
    """Return a column name that no arrived column has, whatever its case."""
    lowered = {name.lower() for name in taken}
    while preferred in lowered:
        preferred += "_"
    return preferred


class _Arriving:
    """Rows, numbered in arrival order and cut into runs of so many bytes.

    They store a Python error: the engine reads through C, which loses its type.
    """

    def __init__(self, rows: pa.RecordBatchReader, place: str, run_bytes: int) -> None:
        self.failure: Exception | None = None
        self.ended = False
        self.place = place
        self.schema = rows.schema.append(pa.field(place, pa.int64()))
        self._run_bytes = run_bytes
        self._rows = self._numbered(rows)
        # The batch after a full run: a run that ends with the rows is known as the last one.
        self._next: pa.RecordBatch | None = None

    def run(self) -> pa.RecordBatchReader:
        """Return the rows of the next run. After they were read, `ended` says if they were the last ones."""
        return pa.RecordBatchReader.from_batches(self.schema, self._limited())

    def _limited(self) -> Iterator[pa.RecordBatch]:
        size = 0
        while size < self._run_bytes and (batch := self._taken()) is not None:
            size += batch.nbytes
            yield batch
        self._next = self._taken()
        self.ended = self._next is None

    def _taken(self) -> pa.RecordBatch | None:
        batch, self._next = self._next, None
        return next(self._rows, None) if batch is None else batch

    def _numbered(self, rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        count = 0
        try:
            for batch in rows:
                places = pa.array(np.arange(count, count + batch.num_rows))
                count += batch.num_rows
                yield pa.RecordBatch.from_arrays([*batch.columns, places], schema=self.schema)
        except Exception as error:
            self.failure = error
            raise
