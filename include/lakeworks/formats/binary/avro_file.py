"""Avro: records with a schema in the file; logical types (moments, dates, decimals, UUIDs) become types of the lake."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from lakeworks.formats.failures import problem
from lakeworks.formats.limits import BATCH_ROWS
from lakeworks.formats.options import FormatOptions
from lakeworks.formats.raw_batch import RawBatch, from_arrow

if TYPE_CHECKING:
    import pyarrow as pa

_PLAIN = {
    "boolean": "bool_",
    "int": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "bytes": "binary",
}


def read(stream: BinaryIO, options: FormatOptions) -> Iterator[RawBatch]:  # noqa: ARG001 - every format has them
    """Read an Avro container file; see `Format.read`. The first batch has the columns and no rows."""
    import fastavro
    import pyarrow as pa

    file = fastavro.reader(stream)
    schema: Any = file.writer_schema
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise ValueError("its schema is no record, so its rows have no columns")
    known: dict[str, Any] = {}
    fields = pa.schema([pa.field(item["name"], _type(item["type"], known)) for item in schema["fields"]])
    yield from_arrow(pa.RecordBatch.from_pylist([], schema=fields))
    first, waiting = 1, list[Any]()
    for record in _records(file):
        waiting.append(record)
        if len(waiting) == BATCH_ROWS:
            yield from_arrow(_batch(waiting, fields), first)
            first, waiting = first + len(waiting), []
    if waiting:
        yield from_arrow(_batch(waiting, fields), first)


def _records(file: Iterator[Any]) -> Iterator[Any]:
    number = 1
    while True:
        try:
            record = next(file)
        except StopIteration:
            return
        except Exception as error:
            raise ValueError(f"record {number}: {problem(error)}") from error
        yield record
        number += 1


def _batch(records: list[Any], schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    columns = [pa.array([_value(row.get(field.name), field.type) for row in records], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _value(value: Any, kind: "pa.DataType") -> Any:
    """Return a value as Arrow takes it: UUIDs and values of several types as text, maps as pairs."""
    import pyarrow as pa

    if value is None:
        return None
    if pa.types.is_string(kind):
        return value if isinstance(value, str) else str(value)
    if pa.types.is_map(kind):
        return [(key, _value(item, kind.item_type)) for key, item in value.items()]
    if pa.types.is_list(kind):
        return [_value(item, kind.value_type) for item in value]
    if pa.types.is_struct(kind):
        return {field.name: _value(value.get(field.name), field.type) for field in kind}
    return value


def _type(schema: Any, known: dict[str, Any]) -> "pa.DataType":
    """Return the Arrow type of an Avro schema; `known` are the named types met so far.

    Raises:
        ValueError: a record contains itself.
    """
    import pyarrow as pa

    if isinstance(schema, list):
        branches = [item for item in schema if item != "null"]
        return _type(branches[0], known) if len(branches) == 1 else pa.string()  # several types: their text
    if isinstance(schema, str):
        if schema in _PLAIN:
            return getattr(pa, _PLAIN[schema])()
        if schema in ("string", "null"):
            return pa.string() if schema == "string" else pa.null()
        if known.get(schema) is None:
            raise ValueError(f"the record `{schema}` contains itself, and no column can")
        return known[schema]
    if logical := _logical(schema):
        return logical
    kind, name = schema["type"], schema.get("name")
    if name:
        known[name] = None
    made = _named(schema, kind, known)
    if name:
        known[name] = made
    return made


def _named(schema: Any, kind: Any, known: dict[str, Any]) -> "pa.DataType":
    import pyarrow as pa

    if kind == "record":
        return pa.struct([(item["name"], _type(item["type"], known)) for item in schema["fields"]])
    if kind == "array":
        return pa.list_(_type(schema["items"], known))
    if kind == "map":
        return pa.map_(pa.string(), _type(schema["values"], known))
    return {"enum": pa.string(), "fixed": pa.binary()}.get(kind) or _type(kind, known)


def _logical(schema: Any) -> "pa.DataType | None":
    import pyarrow as pa

    logical = schema.get("logicalType")
    if logical == "decimal":
        return pa.decimal128(schema["precision"], schema.get("scale", 0)) if schema["precision"] <= 38 else pa.string()
    return {
        "date": pa.date32(),
        "uuid": pa.string(),
        "time-millis": pa.string(),
        "time-micros": pa.string(),
        "timestamp-millis": pa.timestamp("us", "UTC"),
        "timestamp-micros": pa.timestamp("us", "UTC"),
        "local-timestamp-millis": pa.timestamp("us"),
        "local-timestamp-micros": pa.timestamp("us"),
    }.get(logical)
