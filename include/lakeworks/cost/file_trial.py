"""Trials of Parquet settings: a bounded sample of a table's newest rows, written with each setting by the lake's own writer."""

import io
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.contract import Contract, Storage
from lakeworks.engines.build_sql import quoted
from lakeworks.errors import LakeNotFound, LiveChanged
from lakeworks.lake import Lake
from lakeworks.ledger.entry import LedgerEntry, LiveObject
from lakeworks.ledger.ledger import leave_out
from lakeworks.maintenance.compaction import order_within

if TYPE_CHECKING:
    import pyarrow as pa

# Memory holds the sample, one sorted copy and one encoded copy.
MOST_ROWS = 250_000
MOST_BYTES = 48 << 20
MOST_PARTITIONS = 8
_BATCH_ROWS = 8_192


@dataclass(frozen=True)
class Measure:
    """The sample as files with one setting: bytes, also by column, and CPU seconds of writing and of reading."""

    bytes: int
    columns: Mapping[str, int]
    write_seconds: float
    read_seconds: float


@dataclass(frozen=True)
class RowSample:
    """The first rows of the partitions published last, one table for each."""

    lake: Lake
    contract: Contract
    tables: tuple["pa.Table", ...]

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return sum(table.num_rows for table in self.tables)

    @property
    def names(self) -> list[str]:
        """Return the contract's columns that every file of the sample has."""
        shared = set.intersection(*(set(table.schema.names) for table in self.tables))
        return [name for name in self.contract.file_columns if name in shared]

    def distinct(self) -> dict[str, float]:
        """Return the distinct values of each column that files can be sorted by, as a share of the largest table's rows."""
        largest = max(self.tables, key=lambda table: int(table.num_rows))
        with self.lake.engine.session() as session:
            session.attach("sample", largest)
            counted = ", ".join(f"count(DISTINCT {quoted(name)}) AS {quoted(name)}" for name in self.names)
            (counts,) = session.query(f"SELECT {counted} FROM sample").to_pylist()
        return {name: count / largest.num_rows for name, count in counts.items()}

    def measure(self, storage: Storage) -> Measure:
        """Write the sample with a setting, in the order that it gives, and read it back."""
        contract = self.contract.model_copy(update={"storage": storage})
        size, write, read, columns = 0, 0.0, 0.0, Counter[str]()
        for table in self.tables:
            body, seconds = _written(self.lake, contract, table)
            write += seconds
            size += len(body)
            read += _reading(body)
            columns.update(_column_bytes(body))
        return Measure(size, columns, write, read)


def take_sample(lake: Lake, contract: Contract) -> RowSample:
    """Read the first rows of the newest partitions, within `MOST_ROWS` and about `MOST_BYTES`; of each at most half of that.

    Raises:
        LakeNotFound: no live partition has rows, or an object is gone.
        LiveChanged: an object is no Parquet file.
    """
    live = lake.ledger.live_partitions(contract.table, on_unreadable=leave_out)
    filled = [entry for _, entry in sorted(live.items()) if entry.rows]
    if not filled:
        raise LakeNotFound(
            f"`{contract.name}` has no published rows to take a sample of. Nothing was computed. Run the table first; "
            f"see: lakeworks ledger {contract.name}"
        )
    newest = sorted(filled, key=lambda entry: entry.published_at or entry.reserved_at)[: -MOST_PARTITIONS - 1 : -1]
    tables = list["pa.Table"]()
    rows, size = MOST_ROWS, MOST_BYTES
    for entry in newest:
        tables.append(_first_rows(lake, entry, min(rows, MOST_ROWS // 2), min(size, MOST_BYTES // 2)))
        rows, size = rows - tables[-1].num_rows, size - tables[-1].nbytes
        if rows <= 0 or size <= 0:
            break
    return RowSample(lake, contract, tuple(tables))


def _first_rows(lake: Lake, entry: LedgerEntry, rows: int, size: int) -> "pa.Table":
    import pyarrow as pa

    taken = list["pa.RecordBatch"]()
    for item in entry.objects:
        for batch in _batches(lake, item):
            taken.append(batch.slice(0, rows))
            rows, size = rows - taken[-1].num_rows, size - taken[-1].nbytes
            if rows <= 0 or size <= 0:
                return pa.Table.from_batches(taken)
    return pa.Table.from_batches(taken)


def _batches(lake: Lake, item: LiveObject) -> Iterator["pa.RecordBatch"]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from lakeworks.parquet.pinned_file import ObjectCache, PinnedObject

    try:
        with pq.ParquetFile(pa.PythonFile(PinnedObject(lake.store, item, ObjectCache()), mode="r")) as file:
            yield from file.iter_batches(_BATCH_ROWS)
    except pa.ArrowInvalid as error:
        raise LiveChanged(
            f"{lake.store.uri(item.key)} is no Parquet file: {error}. Nothing was computed. Compare it with the ledger: "
            "lakeworks verify"
        ) from error


def _written(lake: Lake, contract: Contract, table: "pa.Table") -> tuple[bytes, float]:
    """Return the file of some rows, and the CPU seconds of its encoding. The sort is not counted: every setting has one."""
    from lakeworks.parquet.encoder import ParquetPart

    names = table.schema.names
    with lake.engine.session() as session:
        session.attach("sample", table)
        listed, order = ", ".join(map(quoted, names)), ", ".join(order_within(contract, names))
        batches = list(session.stream(f"SELECT {listed} FROM sample ORDER BY {order}", table.schema))
    part = ParquetPart(table.schema, contract.storage, lake.scratch)
    start = time.process_time()
    try:
        for batch in batches:
            part.add(batch)
        content = part.finish()
        seconds = time.process_time() - start
        return (content.read_bytes() if isinstance(content, Path) else content), seconds
    finally:
        part.discard()


def _reading(body: bytes) -> float:
    import pyarrow.parquet as pq

    start = time.process_time()
    pq.read_table(io.BytesIO(body), use_threads=False)
    return time.process_time() - start


def _column_bytes(body: bytes) -> Counter[str]:
    import pyarrow.parquet as pq

    found, sizes = pq.ParquetFile(io.BytesIO(body)).metadata, Counter[str]()
    for group in (found.row_group(number) for number in range(found.num_row_groups)):
        for chunk in (group.column(number) for number in range(group.num_columns)):
            sizes[chunk.path_in_schema.partition(".")[0]] += chunk.total_compressed_size
    return sizes
