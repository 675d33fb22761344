"""Partitions of quarantined rows: which partition each row would have been published in, as far as the row says it."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.contract import Contract
from lakeworks.core.partition import Partition, Period, owns, partition_of

_ROWS = "_rows"


class PartitionCounts:
    """A run's quarantined rows by partition. Rows without the value that names their partition are left out."""

    def __init__(self, contract: Contract, period: Period) -> None:
        self.contract = contract
        self.period = period
        self._rows: Counter[Partition] = Counter()

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the rows of a batch."""
        for values, rows in _groups(self.contract, batch):
            if partition := named_partition(self.contract, values, self.period):
                self._rows[partition] += rows

    def of_run(self, staged: Iterable[Partition]) -> dict[str, int]:
        """Return the rows of each staged partition, and of those time partitions that the run owns, by path.

        A wrong value may name any partition. Such rows count nowhere, so that they cannot make a record large.
        """
        known, by_time = set(staged), not self.contract.identity_columns
        fields = self.contract.partition_by
        return {
            partition.path: rows
            for partition, rows in sorted(self._rows.items(), key=lambda item: item[0].path)
            if partition in known or (by_time and owns(fields, partition, self.period))
        }


def named_partition(contract: Contract, values: Mapping[str, Any], run: Period) -> Partition | None:
    """Return the partition of a quarantined row; None if it does not have the time that its partition is cut by."""
    known = {str(field.column): values.get(str(field.column)) for field in contract.partition_by if field.column}
    if any(field.column and known[field.column] is None for field in contract.time_fields):
        return None
    return partition_of(contract.partition_by, known, run)


def partition_values(contract: Contract, batch: pa.RecordBatch) -> Iterator[Mapping[str, Any]]:
    """Yield each row's values of the partition columns. A row quarantined on arrival is JSON text in `_row`."""
    columns = [str(field.column) for field in contract.partition_by if field.column]
    if "_row" not in batch.schema.names:
        known = [name for name in columns if name in batch.schema.names]
        held = pa.table({name: _held(batch.column(name)) for name in known})
        yield from held.to_pylist() if known else ({} for _ in range(len(batch)))
        return
    for text in batch.column("_row").to_pylist():
        arrived = {name.lower(): value for name, value in json.loads(text).items()}
        yield {name: _value(contract, name, arrived.get(name.lower())) for name in columns}


def _groups(contract: Contract, batch: pa.RecordBatch) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Yield the values of the partition columns and the number of rows: typed rows that share a partition at once."""
    fields = [field for field in contract.partition_by if field.column in batch.schema.names]
    if "_row" in batch.schema.names or not fields:
        yield from ((values, 1) for values in partition_values(contract, batch))
        return
    columns = {
        str(field.column): pc.floor_temporal(_held(batch.column(field.column)), unit=field.transform)
        if field.is_time
        else _held(batch.column(field.column))
        for field in fields
    }
    counted = pa.table(columns).group_by(list(columns)).aggregate([([], "count_all")])
    for row in counted.rename_columns([*columns, _ROWS]).to_pylist():
        yield row, row[_ROWS]


def _held(column: pa.Array) -> pa.Array:
    """Return a column without moments that no Python date has, such as infinity: they name no partition."""
    kind = column.type
    if not (pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.unit != "ns")):  # all nanoseconds are dates
        return column
    first, last = (pa.scalar(datetime(year, 1, 1), kind) for year in (1, 9999))
    return pc.if_else(pc.and_(pc.greater_equal(column, first), pc.less_equal(column, last)), column, None)


def _value(contract: Contract, name: str, value: Any) -> Any:
    if name in contract.identity_columns:
        return value
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None  # this value may be the reason why the row is quarantined
    return moment.astimezone(UTC) if moment.tzinfo else moment
