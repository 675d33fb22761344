"""Sort of received rows into publishing order: the writer needs contiguous partitions, readers want files sorted by grain."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa

from lakeworks.contract import Contract
from lakeworks.engines.build_sql import publishable, publishing_order, quoted
from lakeworks.engines.duckdb import DuckDbEngine, DuckDbSession

_RECEIVED = "_received"


def has_order(contract: Contract) -> bool:
    """Return True if received rows must be sorted. One partition without a grain keeps its rows in arrival order."""
    return bool(contract.grain) or any(item.column for item in contract.partition_by)


@contextmanager
def sorted_for_publishing(
    engine: DuckDbEngine, contract: Contract, rows: pa.RecordBatchReader
) -> Iterator[pa.RecordBatchReader]:
    """Yield one reader of the rows in publishing order. A sort that spills to disk reads them once.

    Raises:
        LakeError: what reading the rows raises comes through as it is.
    """
    if not has_order(contract):
        yield rows
        return
    with engine.session() as session:
        yield pa.RecordBatchReader.from_batches(rows.schema, _sorted(session, contract, rows))


def _sorted(session: DuckDbSession, contract: Contract, rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    place = _free_name("_place", rows.schema.names)
    arriving = _Arriving(rows, place)
    try:
        session.attach(_RECEIVED, arriving.reader)
        yield from session.stream(_statement(contract, rows.schema.names, place), rows.schema)
    except Exception:
        # The engine rewords an input's error; the log's reader needs the input's own error.
        if arriving.failure is not None:
            raise arriving.failure from None
        raise


def _statement(contract: Contract, names: list[str], place: str) -> str:
    columns = ", ".join(
        f"{publishable(contract, name, quoted(name)) if name in contract.columns else quoted(name)} AS {quoted(name)}"
        for name in names
    )
    source = f"SELECT {columns}, {quoted(place)} FROM {_RECEIVED}"
    # Rows with equal keys keep their arrival order, so that another run gives the same bytes.
    order = ", ".join([*publishing_order(contract), quoted(place)])
    return f"SELECT * EXCLUDE ({quoted(place)}) FROM ({source}) ORDER BY {order}"


def _free_name(preferred: str, taken: list[str]) -> str:
    """Return a column name that no arrived column has, whatever its case."""
    lowered = {name.lower() for name in taken}
    while preferred in lowered:
        preferred += "_"
    return preferred


class _Arriving:
    """Rows, numbered in arrival order. They store a Python error: the engine reads through C, which loses its type."""

    def __init__(self, rows: pa.RecordBatchReader, place: str) -> None:
        self.failure: Exception | None = None
        schema = rows.schema.append(pa.field(place, pa.int64()))
        self.reader = pa.RecordBatchReader.from_batches(schema, self._numbered(rows, schema))

    def _numbered(self, rows: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        count = 0
        try:
            for batch in rows:
                places = pa.array(np.arange(count, count + batch.num_rows))
                count += batch.num_rows
                yield pa.RecordBatch.from_arrays([*batch.columns, places], schema=schema)
        except Exception as error:
            self.failure = error
            raise
