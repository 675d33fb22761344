"""Removal of duplicates from a stream in which rows of one grain are adjacent: it needs no hash table over all rows."""

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.contract import Contract
from lakeworks.engines.build_sql import winning_order


@dataclass
class Duplicates:
    """Keep the first row by `deduplicate_by` of adjacent rows with one grain, also across batches."""

    contract: Contract
    connection: duckdb.DuckDBPyConnection
    dropped: int = 0

    def drop(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the rows that stay. Each batch's last row waits until the next batch shows if its grain goes on."""
        previous: pa.RecordBatch | None = None
        for batch in batches:
            if not batch.num_rows:
                continue
            rows = batch
            if previous is not None:
                border = pa.concat_batches([self._grain(previous), self._grain(batch.slice(0, 1))])
                if _repeats(border)[0]:
                    rows = pa.concat_batches([previous, batch])
                else:
                    yield previous
            rows = self._winners(rows)
            previous = rows.slice(rows.num_rows - 1)
            yield rows.slice(0, rows.num_rows - 1)
        if previous is not None:
            yield previous

    def _grain(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch.select(self.contract.grain)

    def _winners(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return one row of each grain. The engine picks among rows of equal grain, by the contract's order."""
        repeats = _repeats(self._grain(batch))
        if not repeats.any():
            return batch
        rivals = np.flatnonzero(np.append(repeats, False) | np.insert(repeats, 0, False))
        groups = np.cumsum(np.insert(~repeats, 0, True))[rivals]
        few = pa.Table.from_batches([batch.take(pa.array(rivals))])
        few = few.append_column("_row", pa.array(rivals)).append_column("_group", pa.array(groups))
        ranked = f"row_number() OVER (PARTITION BY _group ORDER BY {winning_order(self.contract)})"
        self.connection.register("_rivals", few)
        lost = self.connection.execute(
            f"SELECT _row FROM (SELECT _row, {ranked} AS place FROM _rivals) WHERE place > 1"
        ).fetchnumpy()["_row"]
        self.connection.unregister("_rivals")
        self.dropped += len(lost)
        keep = np.ones(batch.num_rows, dtype=bool)
        keep[lost] = False
        return batch.filter(pa.array(keep))


def _repeats(grain: pa.RecordBatch) -> np.ndarray:
    """Return a mask of the rows after the first: True for a row with the same grain as the row before."""
    same = np.ones(grain.num_rows - 1, dtype=bool)
    for column in grain.columns:
        after, before = column.slice(1), column.slice(0, len(column) - 1)
        # No null arrives here: grain columns are required, and rows without one are quarantined before.
        same &= pc.equal(after, before).to_numpy(zero_copy_only=False)
    return same
