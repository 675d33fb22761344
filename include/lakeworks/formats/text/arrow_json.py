"""Values of Arrow columns as JSON has them: decimals as text, integers as numbers, moments as ISO 8601, binary as base64."""

import json
import math
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pyarrow as pa


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
