"""Sizes of rows: their plain bytes, from the values alone. How a stream was batched does not change them."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Types by number: an object of a few hundred rows costs less to encode than to ask Arrow for the kind of each column.
_TEXT = frozenset(kind.id for kind in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary()))
_LISTS = frozenset(kind.id for kind in (pa.list_(pa.null()), pa.large_list(pa.null()), pa.map_(pa.string(), pa.null())))
RowSizes = np.ndarray[Any, np.dtype[np.int64]]
_STRUCT, _NULL = pa.struct([]).id, pa.null().id


def row_sizes(rows: pa.RecordBatch) -> RowSizes:
    """Return the bytes of each row."""
    sizes, fixed = np.zeros(rows.num_rows, dtype=np.int64), 0
    for column in rows.columns:
        size = _sizes(column)
        if isinstance(size, int):
            fixed += size
        else:
            sizes += size
    return sizes + fixed


def _sizes(values: pa.Array) -> Any:
    """Return the bytes of each value, or one number if all have the same."""
    kind = values.type
    if kind.id in _TEXT:
        return pc.fill_null(pc.binary_length(values), 0).to_numpy(zero_copy_only=False)
    if kind.id == _STRUCT:
        return sum(_sizes(member) for member in values.flatten())
    if kind.id in _LISTS:
        return _list_sizes(values)
    return 0 if kind.id == _NULL else -(-kind.bit_width // 8)


def _list_sizes(values: pa.Array) -> "np.ndarray[Any, np.dtype[np.int64]]":
    offsets = values.offsets.to_numpy().astype(np.int64)
    members = values.values.slice(offsets[0], offsets[-1] - offsets[0])
    ends = np.zeros(len(members) + 1, dtype=np.int64)
    np.cumsum(np.broadcast_to(_sizes(members), len(members)), out=ends[1:])
    starts = offsets - offsets[0]
    return np.where(values.is_valid().to_numpy(zero_copy_only=False), ends[starts[1:]] - ends[starts[:-1]], 0)
