"""Statistics of a data file's columns as Iceberg's manifests have them, from the Parquet footer; readers skip files by them.

A statistic that is not known is left out, and readers open the file. A wrong one would lose rows without an error.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pyiceberg.conversions import to_bytes
from pyiceberg.schema import Schema
from pyiceberg.types import BinaryType, DoubleType, FloatType, PrimitiveType, StringType
from pyiceberg.utils.truncate import truncate_upper_bound_binary_string

from lakeworks.contract import Contract

# The defaults of Iceberg's own writers.
_LENGTH = 16
_COLUMNS = 100
_LAST_BEFORE_SURROGATES, _FIRST_AFTER_SURROGATES, _LAST = 0xD7FF, 0xE000, 0x10FFFF


class ColumnStatistic(Protocol):
    """Statistics of one column as a footer has them. None: not known, or there is no value."""

    @property
    def rows(self) -> int:
        """Rows, with and without a value."""

    @property
    def bytes(self) -> int:
        """Bytes as stored."""

    @property
    def nulls(self) -> int | None:
        """Rows without a value."""

    @property
    def smallest(self) -> Any:
        """Smallest value."""

    @property
    def largest(self) -> Any:
        """Largest value."""


Footer = Mapping[str, ColumnStatistic]


def manifest_statistics(contract: Contract, schema: Schema, footer: Footer) -> dict[str, Any]:
    """Return the arguments of a data file's entry: sizes, counts and bounds of plain columns, by field id.

    Protected columns get no bounds: those are values, and metadata files have other readers than the rows.
    """
    maps: dict[str, dict[int, Any]] = {
        name: {} for name in ("column_sizes", "value_counts", "null_value_counts", "lower_bounds", "upper_bounds")
    }
    for field in schema.fields[:_COLUMNS]:
        known, kind = footer.get(field.name), field.field_type
        if known is None or not isinstance(kind, PrimitiveType):
            continue
        maps["column_sizes"][field.field_id] = known.bytes
        maps["value_counts"][field.field_id] = known.rows
        if known.nulls is not None:
            maps["null_value_counts"][field.field_id] = known.nulls
        if contract.columns[field.name].protected:
            continue
        for name, bound in (("lower_bounds", _lower(kind, known)), ("upper_bounds", _upper(kind, known))):
            if bound is not None:
                maps[name][field.field_id] = bound
    return maps


def _lower(kind: PrimitiveType, known: ColumnStatistic) -> bytes | None:
    value = known.smallest
    if isinstance(kind, StringType | BinaryType) and value is not None:
        value = value[:_LENGTH]
    return _encoded(kind, value)


def _upper(kind: PrimitiveType, known: ColumnStatistic) -> bytes | None:
    """Return the upper bound; None for floats.

    Footers do not count NaN. To Spark NaN is larger than every number, so a bound would hide its rows, and be a wrong `max()`.
    """
    if isinstance(kind, FloatType | DoubleType) or known.largest is None:
        return None
    shorten = _SHORTEN.get(type(kind))
    return _encoded(kind, shorten(known.largest) if shorten else known.largest)


def _encoded(kind: PrimitiveType, value: Any) -> bytes | None:
    return None if value is None else to_bytes(kind, value)


def _shorten_text(text: str) -> str | None:
    """Return a short text that is not before the given one in the order of code points; None if there is none."""
    if len(text) <= _LENGTH:
        return text
    start = text[:_LENGTH].rstrip(chr(_LAST))
    if not start:
        return None
    last = ord(start[-1])
    return start[:-1] + chr(_FIRST_AFTER_SURROGATES if last == _LAST_BEFORE_SURROGATES else last + 1)


def _shorten_bytes(value: bytes) -> bytes | None:
    return truncate_upper_bound_binary_string(value, _LENGTH)


_SHORTEN: Mapping[type[PrimitiveType], Callable[[Any], Any]] = {StringType: _shorten_text, BinaryType: _shorten_bytes}
