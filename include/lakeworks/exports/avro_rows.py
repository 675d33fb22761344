"""Avro: a schema, then blocks of records; timestamps are `timestamp-micros`, decimals exact."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Context
from typing import Any, BinaryIO

import pyarrow as pa

from lakeworks.errors import ContractError
from lakeworks.exports.encoding import BatchWriter, Encoding

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN = {
    "bool": "boolean", "int8": "int", "int16": "int", "int32": "int", "int64": "long", "float": "float", "double": "double",
    "string": "string", "binary": "bytes",
}  # fmt: skip
_BLOCK_BYTES = 1 << 18
_ROWS = 10_000


@contextmanager
def encode(stream: BinaryIO, schema: pa.Schema, encoding: Encoding) -> Iterator[BatchWriter]:  # noqa: ARG001
    """Write records in deflated blocks.

    Raises:
        ContractError: a name is not valid in Avro.
    """
    from fastavro.write import Writer

    record = {"type": "record", "name": "row", "fields": _fields(schema, "row")}
    # The sync marker is random by default, so the same rows would give different bytes.
    mark = hashlib.sha256(repr(record).encode()).digest()[:16]
    writer = Writer(stream, record, codec="deflate", sync_interval=_BLOCK_BYTES, sync_marker=mark)
    moments = [number for number, field in enumerate(schema) if pa.types.is_timestamp(field.type)]

    def write(batch: pa.RecordBatch) -> None:
        for number in moments:  # as they are stored: Python's naive moments would be read in the machine's zone
            batch = batch.set_column(number, schema.names[number], batch.column(number).cast(pa.int64()))
        for start in range(0, batch.num_rows, _ROWS):
            for row in batch.slice(start, _ROWS).to_pylist():
                writer.write({name: _value(value, schema.field(name).type) for name, value in row.items()})

    yield write
    writer.flush()


def _fields(fields: Any, path: str) -> list[dict[str, Any]]:
    avro_fields = []
    for field in fields:
        if not _NAME.fullmatch(field.name):
            raise ContractError(
                f"Avro has no name like `{field.name}`: letters, digits and `_` only. Nothing was exported. Export another "
                "format, or name the column with AS in `lakeworks sql --out`."
            )
        kind = _type(field.type, f"{path}_{field.name}")
        avro_fields.append({"name": field.name, "type": ["null", kind], "default": None})
    return avro_fields


def _type(kind: pa.DataType, path: str) -> Any:
    if pa.types.is_decimal(kind):
        return {"type": "bytes", "logicalType": "decimal", "precision": kind.precision, "scale": kind.scale}
    if pa.types.is_timestamp(kind):
        return {"type": "long", "logicalType": "timestamp-micros"}
    if pa.types.is_date(kind):
        return {"type": "int", "logicalType": "date"}
    if pa.types.is_struct(kind):
        return {"type": "record", "name": path, "fields": _fields(kind, path)}
    if pa.types.is_map(kind):
        if not pa.types.is_string(kind.key_type):
            raise ContractError(f"Avro's maps have text keys only, `{path}` has {kind.key_type}. Nothing was exported.")
        return {"type": "map", "values": ["null", _type(kind.item_type, f"{path}_value")]}
    if pa.types.is_list(kind):
        return {"type": "array", "items": ["null", _type(kind.value_type, f"{path}_item")]}
    return _PLAIN[str(kind)]


def _value(value: Any, kind: pa.DataType) -> Any:
    """Return a value as the writer takes it: maps by key, moments inside of others in UTC, decimals with their scale."""
    if value is None or isinstance(value, int):
        return value
    if pa.types.is_map(kind):
        return {key: _value(item, kind.item_type) for key, item in value}
    if pa.types.is_list(kind):
        return [_value(item, kind.value_type) for item in value]
    if pa.types.is_struct(kind):
        return {field.name: _value(value[field.name], field.type) for field in kind}
    if pa.types.is_timestamp(kind):
        from datetime import UTC

        return value.replace(tzinfo=UTC)
    if pa.types.is_decimal(kind):
        return value.normalize(Context(prec=76)) if value == 0 else value
    return value
