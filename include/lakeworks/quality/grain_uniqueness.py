"""Rows whose values in several columns occur more than once, found by one pass over each column."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.quality.arrow_conditions import NotComputable
from lakeworks.quality.audited_rows import AuditedColumn

_MOST_CODES = 2**62


def repeated_rows(columns: list[AuditedColumn], ignore_row_if: str) -> tuple[npt.NDArray[np.bool_] | None, int]:
    """Return a mask of the repeated rows (None without any), and the number of rows considered.

    Null equals null. `ignore_row_if` is Great Expectations': rows with nulls in all columns, in any, or no rows are ignored.
    """
    if any(pa.types.is_nested(column.kind) for column in columns):
        raise NotComputable
    considered = _considered(columns, ignore_row_if)
    codes = _codes(columns)
    some = codes if considered is None else codes[considered]
    counted = pc.value_counts(pa.array(some))
    if len(counted) == len(some):
        return None, len(some)
    repeated = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    mask = np.asarray(pc.is_in(pa.array(codes), value_set=repeated))
    return (mask if considered is None else mask & considered), len(some)


def _considered(columns: list[AuditedColumn], ignore_row_if: str) -> npt.NDArray[np.bool_] | None:
    """Return a mask of the rows to compare; None for all of them."""
    if ignore_row_if == "never":
        return None
    nulls = [column.values.null_count for column in columns]
    if ignore_row_if == "all_values_are_missing":
        if not all(nulls):
            return None
        return _not(np.logical_and.reduce([np.asarray(pc.is_null(column.values)) for column in columns]))
    if ignore_row_if != "any_value_is_missing":
        raise NotComputable
    if not any(nulls):
        return None
    return _not(np.logical_or.reduce([np.asarray(pc.is_null(column.values)) for column in columns]))


def _not(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.logical_not(mask)


def _codes(columns: list[AuditedColumn]) -> npt.NDArray[np.int64]:
    """Return a number for each row; rows have the same number if and only if they agree in every column."""
    codes = np.zeros(len(columns[0].values), np.int64)
    most = 1
    for column in columns:
        encoded: Any = pc.dictionary_encode(column.hashable, null_encoding="encode").combine_chunks()
        different = max(len(encoded.dictionary), 1)
        if most * different >= _MOST_CODES:
            distinct, codes = np.unique(codes, return_inverse=True)
            most = len(distinct)
        codes = codes * different + np.asarray(encoded.indices, np.int64)
        most *= different
    return codes
