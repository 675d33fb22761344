"""The column type of a property of an Open Data Contract Standard document."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lakeworks.core.types import LakeType
from lakeworks.errors import ContractError

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaProperty

# Platform type names that are more exact than the logical type. Lengths and time zones are removed first.
_PHYSICAL = {
    "bool": "boolean", "byte": "tinyint", "int8": "tinyint", "short": "smallint", "int16": "smallint", "int2": "smallint",
    "integer": "int", "int32": "int", "int4": "int", "long": "bigint", "int64": "bigint",
    "real": "float", "float4": "float", "float32": "float", "float8": "double", "float64": "double",
    "double precision": "double", "varchar": "string", "char": "string", "character": "string", "text": "string",
    "character varying": "string", "nvarchar": "string", "uuid": "string", "json": "string", "jsonb": "string",
    "bytes": "binary", "blob": "binary", "bytea": "binary", "varbinary": "binary",
    "datetime": "timestamp", "timestamptz": "timestamp", "timestamp_ntz": "timestamp", "timestamp_tz": "timestamp",
    "timestamp_ltz": "timestamp", "timestamp without time zone": "timestamp", "timestamp with time zone": "timestamp",
}  # fmt: skip
_LOGICAL = {
    "boolean": "boolean", "integer": "bigint", "number": "double", "string": "string", "date": "date",
    "timestamp": "timestamp", "time": "string",
}  # fmt: skip
_FORMATS = {
    "i8": "tinyint", "i16": "smallint", "i32": "int", "i64": "bigint", "u8": "smallint", "u16": "int", "u32": "bigint",
    "f32": "float", "f64": "double", "byte": "binary", "binary": "binary",
}  # fmt: skip


def column_type(prop: "SchemaProperty", place: str) -> LakeType:
    """Return the physical type if lakeworks knows it, else the logical type with its members.

    Raises:
        ContractError: neither says a type; names the place in the document.
    """
    if (kind := _physical(prop.physicalType or "")) is not None:
        return kind
    if prop.items is not None:
        return LakeType("list", (("item", column_type(prop.items, f"{place}.items")),))
    if prop.map is not None and prop.map.key and prop.map.value:
        key, value = column_type(prop.map.key, f"{place}.map.key"), column_type(prop.map.value, f"{place}.map.value")
        return LakeType("map", (("key", key), ("value", value)))
    if prop.properties:
        members = [(str(item.name), column_type(item, f"{place}.{item.name}")) for item in prop.properties]
        return LakeType("struct", tuple(members))
    options: Mapping[str, object] = prop.logicalTypeOptions or {}
    kind_name = _FORMATS.get(str(options.get("format"))) or _LOGICAL.get(prop.logicalType or "")
    if kind_name is None:
        said = prop.physicalType or prop.logicalType or "nothing"
        raise ContractError(f"`{place}` has no type that a column can have: the document says {said}.")
    return LakeType(kind_name)


def _physical(text: str) -> LakeType | None:
    lower = text.strip().lower()
    if match := re.fullmatch(r"(?:numeric|number|decimal|dec)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)", lower):
        lower = f"decimal({match[1]},{match[2] or 0})"
    elif "<" in lower:  # member names keep their case
        lower = re.sub(r"(?i)\barray<", "list<", text.strip())
    elif not lower.startswith("decimal"):
        lower = re.sub(r"\s*\(.*?\)", "", lower)
        lower = _PHYSICAL.get(lower, lower)
    try:
        return LakeType.parse(lower)
    except ContractError:
        return None
