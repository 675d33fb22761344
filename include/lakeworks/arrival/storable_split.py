"""Split received rows into storable rows and rows for quarantine.

SQL checks a transform's rows (contract/storability.py:storage_rules). This module applies the same limits to received
rows.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.arrival.rejected_rows import RejectedRows
from lakeworks.contract import Contract
from lakeworks.contract.storability import storage_rules, value_limit
from lakeworks.core.lake_limits import time_bounds, value_fault
from lakeworks.formats.raw_batch import from_arrow


def storable_rows(rows: pa.RecordBatchReader, contract: Contract, misfits: RejectedRows) -> pa.RecordBatchReader:
    """Return the rows that can be stored; the others go to `misfits` with the rule they broke."""
    rules = {item.name: item.reason for item in storage_rules(contract)}
    if not rules:
        return rows
    return pa.RecordBatchReader.from_batches(rows.schema, _storable(rows, contract, misfits, rules))


def _storable(
    rows: pa.RecordBatchReader, contract: Contract, misfits: RejectedRows, rules: dict[str, str]
) -> Iterator[pa.RecordBatch]:
    for batch in rows:
        reasons: dict[int, list[tuple[str, str]]] = {}
        for (name, reason), places in zip(rules.items(), _faults(batch, contract), strict=True):
            for place in places:
                reasons.setdefault(place, []).append((name, reason))
        if reasons:
            misfits.quarantine(from_arrow(batch), reasons)
        yield batch.filter(pa.array([place not in reasons for place in range(len(batch))])) if reasons else batch


def _faults(batch: pa.RecordBatch, contract: Contract) -> Iterator[Sequence[int]]:
    """Yield the places of rows that break each of the table's storage rules, in the order of the rules."""
    times = time_bounds(contract.plausible_times.first, contract.plausible_times.last)
    most = value_limit(contract)
    for item in contract.partition_by:
        if item.column is None:
            continue
        values = batch.column(item.column)
        if item.is_time:
            yield _outside(values, *times)
        elif pa.types.is_string(values.type):
            # Only long texts and texts with special characters need a check one by one.
            odd = pc.or_(pc.greater(pc.binary_length(values), most // 3), pc.starts_with(values, "__HIVE"))
            places = pc.indices_nonzero(pc.fill_null(odd, False)).to_pylist()
            yield [place for place in places if value_fault(values[place].as_py(), most)]


def _outside(values: pa.Array, start: datetime, end: datetime) -> list[int]:
    first, after = (pa.scalar(moment, pa.timestamp("us")).cast(values.type) for moment in (start, end))
    outside = pc.or_(pc.less(values, first), pc.greater_equal(values, after))
    positions: list[int] = pc.indices_nonzero(pc.fill_null(outside, False)).to_pylist()
    return positions
