"""Rows for COPY as CSV, where pgpq has no wheel (Linux on ARM): a null is an empty field, empty text is `""`."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pyarrow as pa
from pyarrow import csv

from lakeworks.contract.serving import PARTITION_COLUMN
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.serving.binary_rows import storable

_ROWS = 50_000


def csv_rows(rows: pa.RecordBatchReader, kinds: dict[str, str], entry: LedgerEntry) -> Iterator[bytes]:
    """Yield the content of a COPY: the rows, each with the name of its partition.

    Raises:
        ServingRefused: a text has a NUL, which PostgreSQL cannot hold.
    """
    for batch in rows:
        for start in range(0, batch.num_rows, _ROWS):
            piece = batch.slice(start, _ROWS)
            columns = [
                _text(storable(column, kinds[name], f"{entry.where}: `{name}`"), kinds[name])
                for name, column in zip(piece.schema.names, piece.columns, strict=True)
            ]
            columns.append(pa.repeat(pa.scalar(entry.parsed.path), piece.num_rows))
            out = BytesIO()
            whole = pa.RecordBatch.from_arrays(columns, names=[*piece.schema.names, PARTITION_COLUMN])
            csv.write_csv(whole, out, csv.WriteOptions(include_header=False))
            yield out.getvalue()


def _text(column: pa.Array, kind: str) -> pa.Array:
    if kind.endswith("[]"):
        return pa.array([None if value is None else _array(value, kind) for value in column.to_pylist()], pa.string())
    if kind == "bytea":
        values = [None if value is None else f"\\x{value.hex()}" for value in column.to_pylist()]
        return pa.array(values, pa.string())
    return column


def _array(values: list[Any], kind: str) -> str:
    def item(value: Any) -> str:
        if value is None:
            return "NULL"
        text = f"\\x{value.hex()}" if kind == "bytea[]" else str(value)
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    return "{" + ",".join(map(item, values)) + "}"
