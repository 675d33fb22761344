"""Sizes of rows: their plain bytes, from the values alone. How a stream was batched does not change them."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def row_sizes(rows: pa.RecordBatch) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Return the bytes of each row."""
    sizes = np.zeros(rows.num_rows, dtype=np.int64)
    for column in rows.columns:
        sizes += _sizes(column)
    return sizes


def _sizes(values: pa.Array) -> Any:
    """Return the bytes of each value, or one number if all have the same."""
    kind = values.type
    if pa.types.is_struct(kind):
        return sum(_sizes(member) for member in values.flatten())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        return _list_sizes(values)
    if _is_text(kind):
        return pc.fill_null(pc.binary_length(values), 0).to_numpy(zero_copy_only=False)
    return 0 if pa.types.is_null(kind) else -(-kind.bit_width // 8)


def _list_sizes(values: pa.Array) -> "np.ndarray[Any, np.dtype[np.int64]]":
    offsets = values.offsets.to_numpy().astype(np.int64)
    members = values.values.slice(offsets[0], offsets[-1] - offsets[0])
    ends = np.zeros(len(members) + 1, dtype=np.int64)
    np.cumsum(np.broadcast_to(_sizes(members), len(members)), out=ends[1:])
    starts = offsets - offsets[0]
    return np.where(values.is_valid().to_numpy(zero_copy_only=False), ends[starts[1:]] - ends[starts[:-1]], 0)


def _is_text(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    )
