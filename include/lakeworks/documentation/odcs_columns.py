"""Columns as properties of an Open Data Contract Standard document."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lakeworks.contract import Column, Contract
from lakeworks.core.types import LakeType
from lakeworks.documentation.custom_properties import to_custom

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaProperty

_LOGICAL = {
    "boolean": "boolean", "tinyint": "integer", "smallint": "integer", "int": "integer", "bigint": "integer",
    "float": "number", "double": "number", "decimal": "number", "string": "string", "binary": "string", "date": "date",
    "timestamp": "timestamp", "list": "array", "struct": "object", "map": "map",
}  # fmt: skip
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "tinyint": {"format": "i8"}, "smallint": {"format": "i16"}, "int": {"format": "i32"}, "bigint": {"format": "i64"},
    "float": {"format": "f32"}, "double": {"format": "f64"}, "binary": {"format": "binary"},
    "timestamp": {"timezone": False},
}  # fmt: skip


def to_property(contract: Contract, name: str, column: Column, sources: Sequence[str]) -> "SchemaProperty":
    """Return a column with its type, rules and keys; `sources` are the table's inputs."""
    from open_data_contract_standard.model import EnumValue

    partitions = [str(field.column) for field in contract.partition_by]
    limits = {key: value for key, value in _limits(column).items() if value is not None}
    exact = {key: str(value) for key, value in limits.items() if not _is_exact(value)}
    options = {key: number(value) if isinstance(value, int | Decimal) else value for key, value in limits.items()}
    typing = typed(column.type, name)
    return typing.model_copy(
        update={
            "description": column.description,
            "required": column.required,
            "unique": True if list(contract.grain) == [name] else None,
            "primaryKey": True if name in contract.grain else None,
            "primaryKeyPosition": contract.grain.index(name) + 1 if name in contract.grain else None,
            "partitioned": True if name in partitions else None,
            "partitionKeyPosition": partitions.index(name) + 1 if name in partitions else None,
            "classification": column.classification,
            "tags": ["pii"] if column.pii else None,
            "transformSourceObjects": list(sources) or None,
            "logicalTypeOptions": {**(typing.logicalTypeOptions or {}), **options} or None,
            "enum": [EnumValue(value=number(value)) for value in column.allowed] if column.allowed else None,
            "customProperties": to_custom({**exact, "masking": column.masking}),
        }
    )


def typed(kind: LakeType, name: str | None = None) -> "SchemaProperty":
    """Return a property of a type: its logical and physical name, and the members of a nested one."""
    from open_data_contract_standard.model import MapDefinition, SchemaProperty

    members = dict(kind.members)
    return SchemaProperty(
        name=name,
        logicalType=_LOGICAL[kind.kind],
        physicalType=kind.glue,
        logicalTypeOptions=dict(_OPTIONS[kind.kind]) if kind.kind in _OPTIONS else None,
        items=typed(members["item"]) if kind.kind == "list" else None,
        properties=[typed(inner, key) for key, inner in kind.members] if kind.kind == "struct" else None,
        map=MapDefinition(key=typed(members["key"]), value=typed(members["value"])) if kind.kind == "map" else None,
    )


def number(value: str | bool | int | Decimal) -> str | bool | int | float:
    """Return a number as YAML writes it, the nearest float for a decimal; other values as they are."""
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == int(value) else float(value)


def _limits(column: Column) -> dict[str, Any]:
    return {"minimum": column.minimum, "maximum": column.maximum, "pattern": column.pattern}


def exactly(value: str | bool | int | Decimal) -> str | bool | int | float:
    """Return a value as contract.yml writes it: a number, or its text where a float would lose digits."""
    return number(value) if _is_exact(value) else str(value)


def _is_exact(value: str | bool | int | Decimal) -> bool:
    return not isinstance(value, Decimal) or Decimal(str(number(value))) == value
