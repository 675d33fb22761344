"""Staged rows as an audit looks at them: columns in the types in which limits are compared, each prepared once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.contract import TableCheck
from lakeworks.quality.expectations import FLOAT_DIGITS


class AuditedColumn:
    """One column: numbers wide, NaN as null, and what several checks ask of it computed once."""

    def __init__(self, values: pa.ChunkedArray) -> None:
        kind = compared_type(values.type)
        wide = values if kind == values.type else values.cast(kind)
        if pa.types.is_floating(kind) and pc.any(pc.is_nan(wide)).as_py():
            wide = pc.if_else(pc.is_nan(wide), pa.scalar(None, kind), wide)
        self.values = wide

    @property
    def kind(self) -> pa.DataType:
        """Return the type in which values are compared."""
        return self.values.type

    @cached_property
    def limits(self) -> tuple[Any, Any]:
        """Return the least and the greatest value; None without any."""
        limits = pc.min_max(self.values)
        return limits["min"].as_py(), limits["max"].as_py()

    @cached_property
    def distinct(self) -> int:
        """Return the number of different values. Minus zero is zero, as in SQL and in pandas."""
        return int(pc.count_distinct(self.hashable, mode="only_valid").as_py())

    @cached_property
    def hashable(self) -> pa.ChunkedArray:
        """Return the values, equal ones with equal bytes."""
        return pc.add(self.values, 0.0) if pa.types.is_floating(self.kind) else self.values


@dataclass(frozen=True)
class AuditedRows:
    """Rows validated together. A check of the table as a whole sees names and a count; then `table` has no columns."""

    table: pa.Table
    names: Sequence[str]
    count: int
    _prepared: dict[str, AuditedColumn] = field(default_factory=dict, repr=False)

    def column(self, name: str) -> AuditedColumn:
        """Return a column, prepared at the first call."""
        if name not in self._prepared:
            self._prepared[name] = AuditedColumn(self.table.column(name))
        return self._prepared[name]


def rows_of(checks: Sequence[TableCheck], table: pa.Table) -> AuditedRows:
    """Return the rows with the columns that some checks read."""
    named = {name for check in checks for name in check.columns}
    some = table.select([name for name in table.schema.names if name in named])
    return AuditedRows(some, some.schema.names, table.num_rows)


def compared_type(kind: pa.DataType) -> pa.DataType:
    """Return the type in which values of a type are compared with limits.

    Decimals of up to 15 digits, which a float keeps exactly, become floats. Narrow numbers become wide: GX on pandas compares
    int64 and float64 as arrays, other types value by value (`column_values.between`, 1.24).
    """
    if pa.types.is_decimal(kind):
        return pa.float64() if kind.precision <= FLOAT_DIGITS else kind
    if pa.types.is_float32(kind):
        return pa.float64()
    return pa.int64() if pa.types.is_integer(kind) and kind.bit_width < 64 else kind
