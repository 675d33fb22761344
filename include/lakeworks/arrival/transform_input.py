"""Raw rows as one Arrow table for a transform that reads landing itself: JSON and CSV as text, Parquet as it is typed."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakeworks.arrival.contract_rows import RawRows
from lakeworks.formats.raw_batch import RawBatch
from lakeworks.formats.text.json_values import own_text


def landing_table(files: Sequence[RawRows], expected: pa.Schema) -> pa.Table:
    """Return every row of the files; `expected` are the columns if there is no file with any."""
    tables = [_table(batch, file) for file in files for batch in file.batches() if batch.columns]
    if not tables:
        return expected.empty_table()
    kinds: dict[str, pa.DataType] = {}
    for table in tables:
        for field in table.schema:
            kinds[field.name] = _joined(kinds.get(field.name), field.type)
    schema = pa.schema(list(kinds.items()))
    return pa.concat_tables([_cast(table, schema) for table in tables])


def _table(batch: RawBatch, file: RawRows) -> pa.Table:
    columns: dict[str, Any] = {
        name: values if isinstance(values, pa.Array) else pa.array([own_text(item) for item in values], pa.string())
        for name, values in batch.columns.items()
    }
    for name, value in file.constants.items():
        if name not in columns:
            columns[name] = pa.repeat(value if isinstance(value, pa.Scalar) else pa.scalar(value), batch.rows)
    return pa.table(columns)


def _joined(one: pa.DataType | None, other: pa.DataType) -> pa.DataType:
    """Return the type of both; text where there is none."""
    if one is None or pa.types.is_null(one) or one == other:
        return other
    if pa.types.is_null(other):
        return one
    schemas = [pa.schema([("column", kind)]) for kind in (one, other)]
    try:
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return pa.string()


def _cast(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        _as_type(table[field.name], field.type)
        if field.name in table.schema.names
        else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _as_type(values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_string(kind) and pa.types.is_nested(values.type):
        return pa.chunked_array([pa.array([own_text(item) for item in values.to_pylist()], kind)])
    return pc.cast(values, kind)
