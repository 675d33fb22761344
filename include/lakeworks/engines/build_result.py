"""A transform's result as one stream: good rows pass, broken rows are quarantined, duplicates dropped, and all are counted."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.contract import Contract, RowRule
from lakeworks.engines.build_sql import broken_counts, mask_columns, quarantined
from lakeworks.engines.duplicates import Duplicates
from lakeworks.engines.error_messages import explained

BATCH_ROWS = 100_000


@dataclass(frozen=True)
class RowCounts:
    """Row counts of a build: staged, quarantined, deduplicated."""

    read: int
    staged: int
    quarantined: int
    deduplicated: int


@dataclass
class BuildResult:
    """Read `staged` to its end, once; after that `counts`, `broken` and `quarantined` are valid.

    The rows stream from the engine's sort, so that memory never has a second copy.
    """

    side: duckdb.DuckDBPyConnection  # a second connection: the first one streams
    contract: Contract
    rules: Sequence[RowRule]
    ordered: pa.RecordBatchReader
    check_read: Callable[[int], None]
    # True: rows of one grain are adjacent, and the stream drops duplicates. False: an earlier step dropped this many.
    meeting: bool
    dropped_before: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    _counts: RowCounts | None = None

    @property
    def counts(self) -> RowCounts:
        """Return the row counts; valid once all rows were read."""
        assert self._counts is not None, "read `staged` to its end first"  # noqa: S101 - an order of calls
        return self._counts

    def staged(self) -> pa.RecordBatchReader:
        """Return the rows to publish: each partition contiguous, sorted by grain, columns and types as in the contract.

        Raises:
            RowBalanceError: at the end of the stream, if the transform lost or multiplied rows it promises to keep.
        """
        schema = pa.schema([pa.field(name, column.type.arrow) for name, column in self.contract.columns.items()])
        rows = (batch if batch.schema.equals(schema) else batch.cast(schema) for batch in self._staged())
        return pa.RecordBatchReader.from_batches(schema, rows)

    def quarantined(self) -> pa.RecordBatchReader:
        """Return the broken rows with `_broken_rules` and `_reason`, in a total order."""
        return self.side.sql(quarantined(self.contract, self.rules)).to_arrow_reader(BATCH_ROWS)

    def _staged(self) -> Iterator[pa.RecordBatch]:
        read = staged = 0
        broken = _QuarantineBuffer(self.side, self.ordered.schema)

        def good() -> Iterator[pa.RecordBatch]:
            nonlocal read
            with explained(f"`{self.contract.name}`"):
                for batch in self.ordered:
                    read += batch.num_rows
                    yield self._sort_out(batch, broken)

        duplicates = Duplicates(self.contract, self.side, self.dropped_before)
        for batch in duplicates.drop(good()) if self.meeting else good():
            staged += batch.num_rows
            yield batch
        read += self.dropped_before
        self.check_read(read)
        self.broken = dict(self.side.execute(broken_counts(self.rules)).fetchall())
        self._counts = RowCounts(read, staged, broken.rows, duplicates.dropped)

    def _sort_out(self, batch: pa.RecordBatch, buffer: "_QuarantineBuffer") -> pa.RecordBatch:
        names = list(self.contract.columns)
        mask = None
        for name in mask_columns(self.rules):
            is_quarantined = pc.not_equal(batch.column(name), 0)
            mask = is_quarantined if mask is None else pc.or_(mask, is_quarantined)
        if mask is None or not mask.true_count:
            return batch.select(names)
        buffer.add(batch.filter(mask))
        return batch.select(names).filter(pc.invert(mask))


class _QuarantineBuffer:
    """Broken rows, in a table of the engine: they spill to disk with everything else."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, schema: pa.Schema) -> None:
        self.connection = connection
        self.rows = 0
        self._insert("CREATE TABLE _quarantined AS SELECT * FROM _new_rows", schema.empty_table())

    def add(self, batch: pa.RecordBatch) -> None:
        """Keep some rows."""
        self.rows += batch.num_rows
        self._insert("INSERT INTO _quarantined SELECT * FROM _new_rows", pa.Table.from_batches([batch]))

    def _insert(self, statement: str, rows: pa.Table) -> None:
        self.connection.register("_new_rows", rows)
        self.connection.execute(statement)
        self.connection.unregister("_new_rows")
