"""JSON Lines: an object a row. Decimals are text and integers numbers, so that no digit is lost; moments are ISO 8601, UTC."""

import gzip
import json
import math
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, BinaryIO

import pyarrow as pa

from lakeworks.exports.encoding import BatchWriter, Encoding


@contextmanager
def encode(stream: BinaryIO, schema: pa.Schema, encoding: Encoding) -> Iterator[BatchWriter]:
    """Write an object a line."""
    packed = encoding.format.endswith(".gz")
    with gzip.GzipFile("", "wb", fileobj=stream, mtime=0) if packed else nullcontext(stream) as out:
        names = [json.dumps(name, ensure_ascii=False) for name in schema.names]

        def write(batch: pa.RecordBatch) -> None:
            columns = [[json.dumps(value, ensure_ascii=False) for value in plain(column)] for column in batch.columns]
            rows = zip(*columns, strict=True)
            lines = (", ".join(f"{name}: {cell}" for name, cell in zip(names, row, strict=True)) for row in rows)
            out.write("".join(f"{{{line}}}\n" for line in lines).encode())

        yield write


def plain(column: pa.Array) -> list[Any]:
    """Return a column's values as JSON has them."""
    convert = _conversion(column.type)
    values = column.to_pylist()
    return [None if value is None else convert(value) for value in values] if convert else values


def as_text(column: pa.Array) -> list[str | None]:
    """Return nested and binary values as one text each."""
    values = plain(column)
    if pa.types.is_binary(column.type):
        return values
    return [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]


def _conversion(kind: pa.DataType) -> Callable[[Any], Any] | None:
    """Return what makes a value JSON; None where it is already."""
    if pa.types.is_struct(kind):
        members = {field.name: _or_null(_conversion(field.type)) for field in kind}
        return lambda value: {name: convert(value[name]) for name, convert in members.items()}
    if pa.types.is_map(kind):
        key, item = _or_null(_conversion(kind.key_type)), _or_null(_conversion(kind.item_type))
        if pa.types.is_string(kind.key_type):
            return lambda value: {str(name): item(inner) for name, inner in value}
        return lambda value: [[key(name), item(inner)] for name, inner in value]
    if pa.types.is_list(kind):
        convert = _or_null(_conversion(kind.value_type))
        return lambda value: [convert(inner) for inner in value]
    if pa.types.is_floating(kind):
        return _number
    if pa.types.is_decimal(kind):
        return int if kind.scale == 0 else lambda value: format(value, "f")
    if pa.types.is_binary(kind):
        return lambda value: b64encode(value).decode()
    if pa.types.is_temporal(kind):
        return lambda value: value.isoformat()
    return None


def _or_null(convert: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    return lambda value: value if value is None or convert is None else convert(value)


def _number(value: float) -> float | str:
    """Return a float; JSON has no NaN and no infinity, so that these are text."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
