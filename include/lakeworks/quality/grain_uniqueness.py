"""Rows whose values in several columns occur more than once.

The columns become one number a row, the most selective column first. After each column, rows whose number occurs once are left
out: they differ from every other row, whatever the other columns hold. Most grains need two columns of many rows, and no hash.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.quality.arrow_conditions import NotComputable
from lakeworks.quality.audited_rows import AuditedColumn

_Numbers = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]
_MOST_CODES = 2**62
# Numbers of one column that are not counted first; times the rows of a chunk they stay below the most codes.
_MOST_SPREAD = 2**42
# Microseconds: most moments are whole seconds.
_SECOND = 1_000_000


def repeated_rows(columns: list[AuditedColumn], ignore_row_if: str) -> tuple[_Numbers, int]:
    """Return the places of the repeated rows, and the number of rows considered.

    Null equals null. `ignore_row_if` is Great Expectations': rows with nulls in all columns, in any, or no rows are ignored.
    """
    if any(pa.types.is_nested(column.kind) for column in columns):
        raise NotComputable
    places = _considered(columns, ignore_row_if)
    considered = len(places)
    codes = np.zeros(considered, np.int64)
    most = 1
    numbered = sorted((_numbers(column) for column in columns), key=lambda pair: -pair[1])
    for numbers, different in numbered:
        if most * different >= _MOST_CODES:
            distinct, codes = np.unique(codes, return_inverse=True)
            most = len(distinct)
        codes = codes * different + numbers[places]
        most *= different
        repeated = _repeated(codes)
        places, codes = places[repeated], codes[repeated]
    return places, considered


def _considered(columns: list[AuditedColumn], ignore_row_if: str) -> _Numbers:
    """Return the places of the rows to compare."""
    rows = len(columns[0].values)
    nulls = [column.values.null_count for column in columns]
    if ignore_row_if == "all_values_are_missing":
        ignored = _nulls(columns, np.logical_and) if all(nulls) else None
    elif ignore_row_if == "any_value_is_missing":
        ignored = _nulls(columns, np.logical_or) if any(nulls) else None
    elif ignore_row_if == "never":
        ignored = None
    else:
        raise NotComputable
    return np.arange(rows) if ignored is None else np.flatnonzero(np.logical_not(ignored))


def _nulls(columns: list[AuditedColumn], combined: np.ufunc) -> _Mask:
    return np.asarray(combined.reduce([np.asarray(pc.is_null(column.values)) for column in columns]), np.bool_)


def _numbers(column: AuditedColumn) -> tuple[_Numbers, int]:
    """Return a number for each value, equal for equal values, and a bound above all numbers. Null has a number of its own."""
    kind = column.kind
    if pa.types.is_integer(kind) or pa.types.is_temporal(kind) or pa.types.is_boolean(kind):
        whole = column.values.cast(pa.int32()) if pa.types.is_date32(kind) else column.values
        whole = whole.cast(pa.int64())
        limits = pc.min_max(whole)
        least, spread = limits["min"].as_py() or 0, (limits["max"].as_py() or 0) - (limits["min"].as_py() or 0)
        if spread < _MOST_SPREAD:
            numbers = np.asarray(pc.fill_null(whole, least)) - least
            if pa.types.is_timestamp(kind) and not (numbers % _SECOND).any():
                numbers, spread = numbers // _SECOND, spread // _SECOND
            if whole.null_count:
                numbers[np.asarray(pc.is_null(whole))] = spread + 1
            return numbers, spread + 2
    encoded = pc.dictionary_encode(column.hashable, null_encoding="encode").combine_chunks()
    return np.asarray(encoded.indices, np.int64), max(len(encoded.dictionary), 1)


def _repeated(codes: _Numbers) -> _Mask:
    """Return a mask of the numbers that occur more than once."""
    ordered = np.sort(codes)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(again):
        return np.zeros(len(codes), np.bool_)
    place = np.minimum(np.searchsorted(again, codes), len(again) - 1)
    return np.asarray(again[place] == codes, np.bool_)
